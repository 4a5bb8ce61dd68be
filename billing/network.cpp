#include "billing/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace billing {
namespace {

constexpr int kMappedBits = 96;

struct Address {
    std::array<unsigned char, 16> bytes{};
    bool is_ipv4 = false;
};

std::optional<Address> parse_address(const std::string& text) {
    Address address;
    in_addr ipv4{};
    if (inet_pton(AF_INET, text.c_str(), &ipv4) == 1) {
        address.is_ipv4 = true;
        address.bytes[10] = address.bytes[11] = 0xff;
        const auto* bytes = reinterpret_cast<const unsigned char*>(&ipv4);
        std::copy(bytes, bytes + sizeof ipv4, address.bytes.begin() + kMappedBits / 8);
        return address;
    }
    if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

bool same_bits(const std::array<unsigned char, 16>& a, const std::array<unsigned char, 16>& b,
               int n_bits) {
    const auto n_bytes = static_cast<size_t>(n_bits / 8);
    if (!std::equal(a.begin(), a.begin() + static_cast<ptrdiff_t>(n_bytes), b.begin()))
        return false;
    if (n_bits % 8 == 0) return true;
    return ((a[n_bytes] ^ b[n_bytes]) >> (8 - n_bits % 8)) == 0;
}

}  // namespace

std::optional<Network> Network::parse(const std::string& text) {
    const size_t slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    Network network{address->bytes, 128};
    if (slash == text.npos) return network;
    const char* const end = text.data() + text.size();
    int n_bits = 0;
    const auto parsed = std::from_chars(text.data() + slash + 1, end, n_bits);
    if (parsed.ec != std::errc() || parsed.ptr != end || n_bits < 0) return std::nullopt;
    if (address->is_ipv4) n_bits += kMappedBits;
    if (n_bits > 128) return std::nullopt;
    network.n_bits = n_bits;
    for (int bit = n_bits; bit < 128; ++bit) {
        const auto byte = static_cast<size_t>(bit / 8);
        if ((network.address[byte] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
    }
    return network;
}

bool Network::contains(const std::string& address_text) const {
    const auto parsed = parse_address(address_text);
    return parsed && same_bits(parsed->bytes, address, n_bits);
}

}  // namespace billing
