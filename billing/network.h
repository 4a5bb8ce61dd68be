#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace billing {

// Addresses that begin with the same bits: "10.0.0.0/8", "2001:db8::/32", or one address. IPv4 in
// IPv6 (::ffff:10.0.0.1) counts as IPv4.
struct Network {
    std::array<unsigned char, 16> address{};  // IPv4 as IPv6
    int n_bits = 128;                         // of it that count

    // Nothing: no such network, or one with bits behind its mask.
    static std::optional<Network> parse(const std::string& text);
    // False for what is no address.
    bool contains(const std::string& address_text) const;
};

}  // namespace billing
