#include "engine/schema/json_tree.h"

#include <algorithm>
#include <utility>

namespace engine {

using Kind = JsonCursor::Kind;

const JsonTree* JsonTree::find(std::string_view name) const {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [name](const JsonMember& m) { return m.name == name; });
    return found == members.end() ? nullptr : &found->value;
}

bool read_json_tree(JsonCursor& json, JsonTree& out) {
    out.kind = json.next();
    switch (out.kind) {
        case Kind::null:
            return json.null();
        case Kind::boolean:
            return json.boolean(out.is_true);
        case Kind::number:
            return json.print(out.text);
        case Kind::string:
            return json.string(out.text);
        case Kind::array:
            return json.array([&] { return read_json_tree(json, out.items.emplace_back()); });
        case Kind::object:
            return json.object([&](const std::string& name) {
                out.members.push_back({name, {}});
                return read_json_tree(json, out.members.back().value);
            });
        case Kind::none:
            break;
    }
    return false;
}

void print_json_tree(const JsonTree& tree, std::string& out) {
    bool first = true;
    const auto separate = [&] { out += std::exchange(first, false) ? "" : ", "; };
    switch (tree.kind) {
        case Kind::boolean:
            out += tree.is_true ? "true" : "false";
            return;
        case Kind::number:
            out += tree.text;
            return;
        case Kind::string:
            append_python_string(out, tree.text);
            return;
        case Kind::array:
            out += '[';
            for (const JsonTree& item : tree.items) separate(), print_json_tree(item, out);
            out += ']';
            return;
        case Kind::object:
            out += '{';
            for (const JsonMember& member : tree.members) {
                separate();
                append_python_string(out, member.name);
                out += ": ";
                print_json_tree(member.value, out);
            }
            out += '}';
            return;
        case Kind::null:
        case Kind::none:
            out += "null";
    }
}

}  // namespace engine
