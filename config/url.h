#pragma once
// The URL of an upstream, as strictly as a configuration may be read.
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace config {

// The URL without a trailing slash, scheme and host in lower case. https, or http to a loopback
// host; without user, query, fragment and dot segments. The error says what to write instead.
tl::expected<std::string, std::string> read_base_url(std::string_view text);

// What is wrong with the URL of a proxy, and what to write instead; nothing: it is
// http://[user:password@]host:port.
std::optional<std::string> proxy_fault(std::string_view text);

// Whether `text` is an IPv4 or IPv6 literal, the latter without brackets.
bool is_ip_address(std::string_view text);

}  // namespace config
