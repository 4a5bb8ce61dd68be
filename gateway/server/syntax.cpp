#include "gateway/server/syntax.h"

#include <array>
#include <cstdint>

namespace gateway {
namespace {

enum : uint8_t { kToken = 1, kHost = 2, kValue = 4 };

constexpr bool is_alnum(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What each byte may be part of.
constexpr std::array<uint8_t, 256> make_classes() {
    std::array<uint8_t, 256> classes{};
    for (int c = 0; c < 256; ++c) {
        uint8_t bits = 0;
        if (is_alnum(c)) bits |= kToken | kHost;
        if (c == '\t' || (c >= ' ' && c != 0x7f)) bits |= kValue;
        classes[static_cast<size_t>(c)] = bits;
    }
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        classes[static_cast<uint8_t>(c)] |= kToken;
    for (const char c : std::string_view("-._~!$&'()*+,;="))
        classes[static_cast<uint8_t>(c)] |= kHost;
    return classes;
}
constexpr auto kClasses = make_classes();

bool all_in(std::string_view text, uint8_t wanted) {
    uint8_t common = wanted;
    for (const char c : text) common &= kClasses[static_cast<uint8_t>(c)];
    return common == wanted;
}

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5) return false;
    int port = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        port = port * 10 + (c - '0');
    }
    return port <= 65'535;
}

bool is_ipv6(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text) {
        if (hex_value(c) < 0 && c != ':' && c != '.') return false;
    }
    return true;
}

}  // namespace

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
    if (text.size() != lower_case.size()) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        if (to_lower(text[i]) != lower_case[i]) return false;
    }
    return true;
}

bool is_token(std::string_view text) {
    return !text.empty() && all_in(text, kToken);
}

bool is_field_value(std::string_view text) {
    return all_in(text, kValue);
}

bool is_host(std::string_view text) {
    std::string_view port;
    bool has_port = false;
    if (!text.empty() && text.front() == '[') {
        const size_t close = text.find(']');
        if (close == text.npos || !is_ipv6(text.substr(1, close - 1))) return false;
        if (close + 1 == text.size()) return true;
        if (text[close + 1] != ':') return false;
        return is_port(text.substr(close + 2));
    }
    const size_t colon = text.find(':');
    if (colon != text.npos) {
        has_port = true;
        port = text.substr(colon + 1);
        text = text.substr(0, colon);
    }
    return !text.empty() && all_in(text, kHost) && (!has_port || is_port(port));
}

}  // namespace gateway
