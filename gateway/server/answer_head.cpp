#include "gateway/server/answer_head.h"

#include <array>
#include <charconv>

#include "gateway/server/syntax.h"

namespace gateway {
namespace {

struct Reason {
    int status;
    std::string_view text;
};
constexpr std::array kReasons{
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{304, "Not Modified"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{402, "Payment Required"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{413, "Content Too Large"},
    Reason{414, "URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{417, "Expectation Failed"},
    Reason{422, "Unprocessable Content"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
};

std::string_view reason_of(int status) {
    for (const Reason& reason : kReasons) {
        if (reason.status == status) return reason.text;
    }
    return "Unknown";
}

constexpr std::array<std::string_view, 5> kOwnFields{"date", "server", "connection",
                                                     "content-length", "transfer-encoding"};

bool is_own(std::string_view name) {
    for (const std::string_view own : kOwnFields) {
        if (equals_ignoring_case(name, own)) return true;
    }
    return false;
}

void append_number(std::string& out, uint64_t value) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    if (is_field_value(value)) {
        out.append(value);
    } else {
        for (const char& c : value) {
            if (is_field_value({&c, 1})) out.push_back(c);
        }
    }
    out.append("\r\n");
}

}  // namespace

std::string serialize(const AnswerHead& head, const HttpFields& fields, size_t n_more) {
    const bool has_body = head.status != 204 && head.status != 304;
    std::string out;
    out.reserve(320 + 64 * fields.size() + n_more);
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<uint64_t>(head.status));
    out.append(" ").append(reason_of(head.status)).append("\r\nserver: weir\r\ndate: ");
    out.append(head.date).append("\r\n");
    if (has_body && !head.content_type.empty())
        append_field(out, "content-type", head.content_type);
    if (has_body && head.content_length) {
        out.append("content-length: ");
        append_number(out, *head.content_length);
        out.append("\r\n");
    } else if (has_body && head.version_minor == 1) {
        out.append("transfer-encoding: chunked\r\n");
    }
    for (const auto& [name, value] : fields) {
        if (is_token(name) && !is_own(name)) append_field(out, name, value);
    }
    if (!head.keep_alive) {
        out.append("connection: close\r\n");
    } else if (head.version_minor == 0) {
        out.append("connection: keep-alive\r\n");
    }
    out.append("\r\n");
    return out;
}

}  // namespace gateway
