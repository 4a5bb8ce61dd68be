#include "config/yaml_flow.h"

#include <algorithm>

namespace config {

namespace {

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

}  // namespace

std::string flow_text(const Node& node) {
    if (node.kind == Node::Kind::null) return "null";
    if (node.kind == Node::Kind::scalar) return in_quotes(node.text);
    std::string out;
    if (node.kind == Node::Kind::list) {
        for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + flow_text(item);
        return "[" + out + "]";
    }
    std::vector<const Member*> members;
    for (const Member& member : node.members) {
        if (!member.is_default) members.push_back(&member);
    }
    std::sort(members.begin(), members.end(),
              [](const Member* a, const Member* b) { return a->key < b->key; });
    for (const Member* member : members) {
        out += (out.empty() ? "" : ", ") + member->key + ": " + flow_text(member->value);
    }
    return "{" + out + "}";
}

}  // namespace config
