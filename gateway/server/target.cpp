#include "gateway/server/target.h"

#include "gateway/server/syntax.h"

namespace gateway {
namespace {

tl::unexpected<Refusal> bad(std::string_view reason) {
    return tl::unexpected(Refusal{400, reason});
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
    if (target.empty() || target.front() != '/') return bad("the request target is not a path");
    for (const char c : target) {
        if (c <= ' ' || c == 0x7f || c == '#' ||
            c == '\\') {  // char is signed: bytes above 0x7f too
            return bad("the request target has a byte that must be escaped");
        }
    }
    const size_t mark = target.find('?');
    const std::string_view raw = target.substr(0, mark);
    Target result;
    if (mark != target.npos) result.query = target.substr(mark + 1);
    if (!is_query(result.query)) return bad("the query has a bad escape");

    std::string& path = result.path;
    path.reserve(raw.size());
    size_t segment_begin = 1;
    for (size_t i = 0; i <= raw.size(); ++i) {
        if (i > 0 && (i == raw.size() || raw[i] == '/')) {
            const std::string_view segment = std::string_view(path).substr(segment_begin);
            if (segment == "." || segment == "..") return bad("the path has a dot segment");
            if (segment.empty() && i < raw.size()) return bad("the path has an empty segment");
            segment_begin = path.size() + 1;
        }
        if (i == raw.size()) break;
        if (raw[i] != '%') {
            path.push_back(raw[i]);
            continue;
        }
        const int c = decode_escape(raw.substr(i));
        if (c < 0) return bad("the path has a bad escape");
        if (is_control(c) || c == '/' || c == '\\') {
            return bad("the path has an escaped separator or control character");
        }
        path.push_back(static_cast<char>(c));
        i += 2;
    }
    if (path.size() > 1 && path.back() == '/') path.pop_back();
    return result;
}

}  // namespace gateway
