#include "gateway/server/target.h"

#include "gateway/server/syntax.h"

namespace gateway {
namespace {

// Below it a path is a model's name, which may hold slashes; the SDKs send them escaped.
constexpr std::string_view kNamesBegin = "/v1/models/";

tl::unexpected<Refusal> bad_target(std::string_view reason) {
    return tl::unexpected(Refusal{400, reason});
}

tl::unexpected<Refusal> nowhere() {
    return tl::unexpected(Refusal{404, "the path has an empty or a dot segment: no such resource"});
}

// An empty or dot segment at the end of `path`, which no route has.
bool ends_astray(std::string_view path) {
    const std::string_view segment = path.substr(path.rfind('/') + 1);
    return segment.empty() || segment == "." || segment == "..";
}

bool is_control(int c) {
    return c < 0x20 || c == 0x7f;
}

// The byte that "%xy" at the front of `text` stands for, or -1.
int decode_escape(std::string_view text) {
    if (text.size() < 3) return -1;
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool is_query(std::string_view query) {
    for (size_t i = 0; i < query.size(); ++i) {
        if (query[i] == '%' && decode_escape(query.substr(i)) <= 0) return false;
    }
    return true;
}

}  // namespace

tl::expected<Target, Refusal> parse_target(std::string_view target) {
    if (target.empty() || target.front() != '/')
        return bad_target("the request target is not a path");
    for (const char c : target) {
        if (c <= ' ' || c == 0x7f || c == '#' ||
            c == '\\') {  // char is signed: bytes above 0x7f too
            return bad_target("the request target has a byte that must be escaped");
        }
    }
    const size_t mark = target.find('?');
    const std::string_view raw = target.substr(0, mark);
    Target result;
    if (mark != target.npos) result.query = target.substr(mark + 1);
    if (!is_query(result.query)) return bad_target("the query has a bad escape");

    std::string& path = result.path;
    path.reserve(raw.size());
    for (size_t i = 0; i < raw.size(); ++i) {
        char c = raw[i];
        if (c == '%') {
            const int decoded = decode_escape(raw.substr(i));
            if (decoded < 0) return bad_target("the path has a bad escape");
            const bool is_separator =
                decoded == '\\' || (decoded == '/' && !path.starts_with(kNamesBegin));
            if (is_control(decoded) || is_separator) {
                return bad_target("the path has an escaped separator or control character");
            }
            c = static_cast<char>(decoded);
            i += 2;
        }
        if (c == '/' && i > 0 && ends_astray(path)) return nowhere();
        path.push_back(c);
    }
    if (path.size() > 1 && path.back() != '/' && ends_astray(path)) return nowhere();
    if (path.size() > 1 && path.back() == '/') path.pop_back();
    return result;
}

}  // namespace gateway
