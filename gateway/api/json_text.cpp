#include "gateway/api/json_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace gateway {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr float kLogprobMin = -9999.0f;

enum class Kind : uint8_t { plain, escaped, control, high };
constexpr std::array<Kind, 256> kKinds = [] {
    std::array<Kind, 256> kinds{};
    for (size_t c = 0; c < 0x20; ++c) kinds[c] = Kind::control;
    for (size_t c = 0x80; c < 0x100; ++c) kinds[c] = Kind::high;
    for (const char c : {'"', '\\', '\n', '\r', '\t', '\b', '\f'})
        kinds[static_cast<unsigned char>(c)] = Kind::escaped;
    return kinds;
}();

Kind kind_of(char c) {
    return kKinds[static_cast<unsigned char>(c)];
}

char escape_letter(char c) {
    switch (c) {
        case '\n':
            return 'n';
        case '\r':
            return 'r';
        case '\t':
            return 't';
        case '\b':
            return 'b';
        case '\f':
            return 'f';
    }
    return c;
}

}  // namespace

size_t utf8_character(std::string_view text) {
    const auto byte = [&](size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const auto continues = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
    const unsigned first = byte(0);
    if (text.empty()) return 0;
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    if (first < 0xE0) return continues(1) ? 2 : 0;
    if (first < 0xF0) {
        if (first == 0xE0 && byte(1) < 0xA0) return 0;
        if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogates
        return continues(1) && continues(2) ? 3 : 0;
    }
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
}

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    size_t begin = 0, at = 0;  // [begin, at) goes out as it is
    const auto flush = [&] { out.append(text, begin, at - begin); };
    while (at < text.size()) {
        const char c = text[at];
        switch (kind_of(c)) {
            case Kind::plain:
                ++at;
                continue;
            case Kind::high:
                if (const size_t n = utf8_character(text.substr(at))) {
                    at += n;
                    continue;
                }
                flush();
                out += kReplacement;
                break;
            case Kind::escaped:
                flush();
                out += '\\';
                out += escape_letter(c);
                break;
            case Kind::control:
                flush();
                out += "\\u00";
                out += kHex[static_cast<unsigned char>(c) >> 4];
                out += kHex[static_cast<unsigned char>(c) & 15];
                break;
        }
        begin = ++at;
    }
    flush();
    out += '"';
}

void append_json_string_or_null(std::string& out, const std::string* text) {
    if (text) {
        append_json_string(out, *text);
    } else {
        out += "null";
    }
}

void append_number(std::string& out, int64_t value) {
    char digits[24];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, result.ptr);
}

void append_logprob(std::string& out, float value) {
    if (!(value >= kLogprobMin) || std::isinf(value)) {
        out += "-9999.0";
        return;
    }
    char digits[32];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, result.ptr);
}

}  // namespace gateway
