#include "gateway/server/framing.h"

#include <array>
#include <cstring>

#include "gateway/server/syntax.h"

namespace gateway {
namespace {

using Failure = tl::unexpected<Refusal>;
constexpr size_t kMethodBytesMax = 32;

Failure bad(std::string_view reason) {
    return Failure(Refusal{400, reason});
}
Failure target_too_long() {
    return Failure(Refusal{414, "the request target is too long"});
}
Failure head_too_large() {
    return Failure(Refusal{431, "the request head is too large"});
}

// The fields that decide framing, identity or the meaning of the body. Each may come once, and
// under no other spelling: some program in front or behind reads `content_length` as
// `content-length`.
enum class Field : uint8_t {
    other,
    host,
    content_length,
    transfer_encoding,
    connection,
    expect,
    single,
};
struct KnownField {
    std::string_view name;
    Field field;
};
constexpr std::array kKnownFields{
    KnownField{"host", Field::host},
    KnownField{"content-length", Field::content_length},
    KnownField{"transfer-encoding", Field::transfer_encoding},
    KnownField{"connection", Field::connection},
    KnownField{"expect", Field::expect},
    KnownField{"authorization", Field::single},
    KnownField{"proxy-authorization", Field::single},
    KnownField{"x-api-key", Field::single},
    KnownField{"api-key", Field::single},
    KnownField{"content-type", Field::single},
    KnownField{"content-encoding", Field::single},
};

bool is_spelling_of(std::string_view name, std::string_view known) {
    if (name.size() != known.size()) return false;
    for (size_t i = 0; i < name.size(); ++i) {
        if ((name[i] == '_' ? '-' : to_lower(name[i])) != known[i]) return false;
    }
    return true;
}

struct RequestLine {
    std::string_view method, target, version;
};

tl::expected<RequestLine, Refusal> split_request_line(std::string_view line,
                                                      const FramingLimits& limits) {
    const size_t method_end = line.find(' ');
    if (method_end == line.npos) return bad("the request line is malformed");
    const size_t target_end = line.find(' ', method_end + 1);
    if (target_end == line.npos) return bad("the request line is malformed");
    const RequestLine parts{line.substr(0, method_end),
                            line.substr(method_end + 1, target_end - method_end - 1),
                            line.substr(target_end + 1)};
    if (parts.method.size() > kMethodBytesMax || !is_token(parts.method)) {
        return bad("the method is malformed");
    }
    if (parts.target.size() > limits.target_bytes_max) return target_too_long();
    if (parts.version != "HTTP/1.1" && parts.version != "HTTP/1.0") {
        return bad("the HTTP version is not supported");
    }
    if (parts.method == "CONNECT") return bad("CONNECT is not supported");
    return parts;
}

std::string_view trim(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<int64_t> parse_length(std::string_view text) {
    if (text.empty() || text.size() > 18) return std::nullopt;  // 18 digits cannot overflow
    int64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return value;
}

// What the fields say, gathered line by line.
struct Gathered {
    Framing framing;
    uint32_t seen = 0;  // bit i: kKnownFields[i] has come
    bool close = false;
    bool keep_alive = false;
};

void take_connection(std::string_view value, Gathered& gathered) {
    while (!value.empty()) {
        const size_t comma = value.find(',');
        const std::string_view option = trim(value.substr(0, comma));
        if (equals_ignoring_case(option, "close")) gathered.close = true;
        if (equals_ignoring_case(option, "keep-alive")) gathered.keep_alive = true;
        value = comma == value.npos ? std::string_view{} : value.substr(comma + 1);
    }
}

tl::expected<void, Refusal> take_known(size_t index, std::string_view value, Gathered& gathered) {
    Framing& framing = gathered.framing;
    const uint32_t bit = uint32_t{1} << index;
    const Field field = kKnownFields[index].field;
    if (field == Field::connection) {
        take_connection(value, gathered);
        return {};
    }
    if ((gathered.seen & bit) != 0) return bad("a header that may come once came twice");
    gathered.seen |= bit;
    switch (field) {
        case Field::host:
            if (!is_host(value)) return bad("the Host header is malformed");
            break;
        case Field::content_length:
            framing.content_length = parse_length(value);
            if (!framing.content_length) return bad("the Content-Length header is malformed");
            break;
        case Field::transfer_encoding:
            if (!equals_ignoring_case(value, "chunked")) {
                return bad("the only transfer encoding served is chunked");
            }
            if (framing.version_minor == 0) return bad("HTTP/1.0 has no transfer encodings");
            framing.chunked = true;
            break;
        case Field::expect:
            if (!equals_ignoring_case(value, "100-continue")) {
                return Failure(Refusal{417, "the only expectation served is 100-continue"});
            }
            framing.expects_continue = framing.version_minor == 1;
            break;
        case Field::connection:
        case Field::single:
        case Field::other:
            break;
    }
    return {};
}

tl::expected<void, Refusal> take_field(std::string_view line, Gathered& gathered) {
    if (line.front() == ' ' || line.front() == '\t')
        return bad("a header is folded over two lines");
    const size_t colon = line.find(':');
    if (colon == line.npos) return bad("a header line has no colon");
    const std::string_view name = line.substr(0, colon);
    if (!is_token(name)) return bad("a header name is malformed");
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) return bad("a header value has control characters");
    for (size_t i = 0; i < kKnownFields.size(); ++i) {
        if (!is_spelling_of(name, kKnownFields[i].name)) continue;
        if (name.find('_') != name.npos) return bad("a header name is misspelt with an underscore");
        return take_known(i, value, gathered);
    }
    return {};
}

}  // namespace

tl::expected<size_t, Refusal> HeadFinder::find(std::string_view bytes,
                                               const FramingLimits& limits) {
    for (;;) {
        const std::string_view rest = bytes.substr(line_begin_);
        const size_t line_end = rest.find('\n');
        const std::string_view line = rest.substr(0, line_end);
        const size_t cr = line.find('\r');
        if (cr != line.npos && cr + 1 != line.size()) return bad("a carriage return stands alone");
        if (line.find('\0') != line.npos) return bad("the head has a NUL");
        if (line_end == rest.npos) break;
        if (cr == line.npos) return bad("a line feed stands alone");
        if (line.size() == 1) {
            if (line_begin_ == 0) return bad("the request line is empty");
            const size_t n_head = line_begin_ + 2;
            if (n_head > limits.head_bytes_max) return head_too_large();
            return n_head;
        }
        line_begin_ += line_end + 1;
    }
    if (line_begin_ == 0) {
        const size_t method_end = bytes.find(' ');
        if (method_end == bytes.npos) {
            if (bytes.size() > kMethodBytesMax) return bad("the method is malformed");
        } else if (bytes.find(' ', method_end + 1) == bytes.npos &&
                   bytes.size() - method_end - 1 > limits.target_bytes_max) {
            return target_too_long();
        }
    }
    if (bytes.size() > limits.head_bytes_max) return head_too_large();
    return 0;
}

tl::expected<Framing, Refusal> scan_head(std::string_view head, const FramingLimits& limits) {
    HeadFinder finder;
    const auto n_head = finder.find(head, limits);
    if (!n_head) return tl::unexpected(n_head.error());
    if (*n_head == 0 || *n_head != head.size()) return bad("the head is incomplete");
    size_t line_end = head.find('\r');
    const auto line = split_request_line(head.substr(0, line_end), limits);
    if (!line) return tl::unexpected(line.error());

    Gathered gathered;
    Framing& framing = gathered.framing;
    framing.version_minor = line->version.back() - '0';
    size_t n_fields = 0;
    for (size_t begin = line_end + 2; begin < head.size() - 2; begin = line_end + 2) {
        line_end = head.find('\r', begin);
        if (++n_fields > limits.n_fields_max) {
            return Failure(Refusal{431, "the request has too many headers"});
        }
        const auto taken = take_field(head.substr(begin, line_end - begin), gathered);
        if (!taken) return tl::unexpected(taken.error());
    }
    if (framing.chunked && framing.content_length) {
        return bad("Content-Length and Transfer-Encoding exclude each other");
    }
    if (framing.version_minor == 1 && (gathered.seen & 1) == 0)
        return bad("the Host header is missing");
    framing.keep_alive = !gathered.close && (framing.version_minor == 1 || gathered.keep_alive);
    return framing;
}

}  // namespace gateway
