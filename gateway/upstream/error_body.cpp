#include "gateway/upstream/error_body.h"

#include <simdjson.h>

#include <string_view>

namespace gateway {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kTextBytesMax = 4096;

// Cut at a character's border.
std::string shortened(std::string_view text, size_t n_max = kTextBytesMax) {
    if (text.size() <= n_max) return std::string(text);
    size_t end = n_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return std::string(text.substr(0, end));
}

std::string short_text_of(const object& from, std::string_view key) {
    std::string_view text;
    if (from[key].get(text)) return {};
    return shortened(text);
}

int status_of(const object& from, std::string_view key) {
    int64_t status = 0;
    if (from[key].get(status) || status < 400 || status > 599) return 0;
    return static_cast<int>(status);
}

// OpenAI's four members, wherever they stand. An integer code is a status.
void read_members(const object& from, ErrorBody& into) {
    into.message = short_text_of(from, "message");
    into.type = short_text_of(from, "type");
    if (into.type == "error") into.type.clear();  // the event's word, where members stand flat
    if (into.type.empty()) into.type = short_text_of(from, "status");  // Google's word
    into.param = short_text_of(from, "param");
    into.code = short_text_of(from, "code");
    into.status = status_of(from, "code");
    if (into.status == 0) into.status = status_of(from, "status");
    if (into.status == 0) into.status = status_of(from, "status_code");
}

// FastAPI: a text, or a list of {"loc": [...], "msg": ...}.
std::string detail_text(const element& detail) {
    std::string_view text;
    if (!detail.get(text)) return shortened(text);
    simdjson::dom::array list;
    if (detail.get(list)) return {};
    for (const element item : list) {
        object entry;
        if (!item.get(entry)) return short_text_of(entry, "msg");
    }
    return {};
}

ErrorBody from_object(const object& root) {
    ErrorBody said;
    element error;
    if (root["error"].get(error)) {
        read_members(root, said);
        element detail;
        if (said.message.empty() && !root["detail"].get(detail)) said.message = detail_text(detail);
        return said;
    }
    std::string_view text;
    object members;
    if (!error.get(text)) {
        read_members(root, said);
        said.message = shortened(text);
    } else if (!error.get(members)) {
        read_members(members, said);
    }
    return said;
}

}  // namespace

ErrorBody read_error_body(std::string_view body) {
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(body.data(), body.size(), true).get(root)) return {};
    simdjson::dom::array list;
    if (!root.get(list)) {
        if (list.at(0).get(root)) return {};
    }
    object members;
    if (root.get(members)) return {};
    return from_object(members);
}

}  // namespace gateway
