#include "config/expansion.h"

#include <fmt/format.h>

#include "config/refusals.h"
#include "config/yaml_text.h"

namespace config {

namespace {

constexpr size_t kValueBytesMax = 64 << 10;

bool is_variable_name(std::string_view name) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
    return name.find_first_not_of(
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
           std::string_view::npos;
}

bool is_one_line_of_text(std::string_view text) {
    while (!text.empty()) {
        const size_t length = utf8_length(text);
        const auto c = static_cast<unsigned char>(text[0]);
        if (length == 0 || c < 0x20 || c == 0x7F) return false;
        text.remove_prefix(length);
    }
    return true;
}

class Expander {
public:
    Expander(const Environment& environment, Refusals& refusals)
        : environment_(environment), refusals_(refusals) {}

    void walk(Node& node, const std::string& path) {
        if (node.kind == Node::Kind::scalar) node.refused = !scalar(node, path);
        for (size_t i = 0; i < node.items.size(); ++i) walk(node.items[i], path);
        for (Member& member : node.members) {
            const std::string below = path.empty() ? member.key : path + "." + member.key;
            walk(member.value, below);
        }
    }

private:
    // False after a refusal.
    bool scalar(Node& node, const std::string& path) {
        const std::string_view text = node.text;
        if (text.find("${") == std::string_view::npos) return true;
        const bool env = text.starts_with("${env:");
        const bool whole = (env || text.starts_with("${file:")) && text.ends_with('}') &&
                           text.find("${", 2) == std::string_view::npos;
        const std::string name =
            whole ? node.text.substr(env ? 6 : 7, text.size() - (env ? 7 : 8)) : std::string();
        const bool name_ok =
            env ? is_variable_name(name) : !name.empty() && name.find('}') == std::string::npos;
        if (!whole || !name_ok) {
            refusals_.add(node.at, path,
                          "expansion works on a whole value only: ${env:NAME} or ${file:PATH} and "
                          "nothing around it; put the whole text into the variable or the file");
            return false;
        }
        auto value = env ? environment_.variable(name) : environment_.file(name);
        if (value && value->ends_with('\n')) value->pop_back();
        if (value && value->ends_with('\r')) value->pop_back();
        if (!value || value->empty()) {
            refusals_.add(
                node.at, path,
                env ? fmt::format("environment variable {} is unset or empty; set it", name)
                    : fmt::format("file {} is unreadable or empty; write the value into it", name));
            return false;
        }
        if (value->size() > kValueBytesMax || !is_one_line_of_text(*value)) {
            refusals_.add(
                node.at, path,
                fmt::format("what {} stands for is not one line of UTF-8 of at most 64 KiB;"
                            " correct it there",
                            node.text));
            return false;
        }
        node.expanded_from = std::move(node.text);
        node.text = std::move(*value);
        node.quoted = false;
        return true;
    }

    const Environment& environment_;
    Refusals& refusals_;
};

}  // namespace

void expand(Node& node, const Environment& environment, Refusals& refusals) {
    Expander(environment, refusals).walk(node, "");
}

}  // namespace config
