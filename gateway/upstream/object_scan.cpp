#include "gateway/upstream/object_scan.h"

#include <simdjson.h>

#include <algorithm>

namespace gateway {

bool is_json_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

namespace {

size_t skip_blanks(std::string_view text, size_t at) {
    while (at < text.size() && is_json_blank(text[at])) ++at;
    return at;
}

// `at` is at the opening quote; yields the place behind the closing one.
size_t skip_string(std::string_view text, size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return text.size();
}

size_t skip_container(std::string_view text, size_t at) {
    for (size_t depth = 0; at < text.size();) {
        const char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        ++at;
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) return at;
    }
    return text.size();
}

size_t skip_value(std::string_view text, size_t at) {
    if (at >= text.size()) return text.size();
    if (text[at] == '"') return skip_string(text, at);
    if (text[at] == '{' || text[at] == '[') return skip_container(text, at);
    while (at < text.size() && !is_json_blank(text[at]) &&
           std::string_view(",]}").find(text[at]) == std::string_view::npos) {
        ++at;
    }
    return at;
}

}  // namespace

std::string unquote(std::string_view quoted) {
    if (quoted.find('\\') == quoted.npos) {
        if (quoted.size() < 2) return {};
        return std::string(quoted.substr(1, quoted.size() - 2));
    }
    simdjson::dom::parser parser;
    std::string_view text;
    if (parser.parse(quoted.data(), quoted.size(), true).get(text)) return std::string(quoted);
    return std::string(text);
}

std::vector<BodyMember> object_members(std::string_view text) {
    std::vector<BodyMember> members;
    size_t at = skip_blanks(text, 0) + 1;  // behind the brace
    for (at = skip_blanks(text, at); at < text.size() && text[at] == '"';) {
        BodyMember member;
        member.key_begin = at;
        at = skip_string(text, at);
        member.key = unquote(text.substr(member.key_begin, at - member.key_begin));
        at = skip_blanks(text, at);  // to the colon
        member.value_begin = std::min(skip_blanks(text, at + 1), text.size());
        member.value_end = at = skip_value(text, member.value_begin);
        members.push_back(std::move(member));
        at = skip_blanks(text, at);
        if (at >= text.size() || text[at] != ',') break;
        at = skip_blanks(text, at + 1);
    }
    return members;
}

std::string_view value_of(std::string_view object, const std::vector<BodyMember>& members,
                          std::string_view key) {
    for (const BodyMember& member : members) {
        if (member.key == key)
            return object.substr(member.value_begin, member.value_end - member.value_begin);
    }
    return {};
}

std::string_view value_of(std::string_view object, std::string_view key) {
    return value_of(object, object_members(object), key);
}

std::vector<std::string_view> array_elements(std::string_view text) {
    std::vector<std::string_view> elements;
    size_t at = skip_blanks(text, 0) + 1;  // behind the bracket
    for (at = skip_blanks(text, at); at < text.size() && text[at] != ']';) {
        const size_t begin = at;
        at = skip_value(text, at);
        elements.push_back(text.substr(begin, at - begin));
        at = skip_blanks(text, at);
        if (at >= text.size() || text[at] != ',') break;
        at = skip_blanks(text, at + 1);
    }
    return elements;
}

std::string json_string(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    return out += '"';
}

}  // namespace gateway
