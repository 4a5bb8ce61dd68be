#pragma once
// Where a plain HTTP request goes.
#include <optional>
#include <string>

namespace gateway {

struct PlainUrl {
    std::string host;  // a name or an address, without brackets
    std::string port;
    std::string authority;  // as the Host field says it
    std::string target;     // path and query
};

// Nothing: not plain HTTP, or something (credentials) that is not for our own client.
std::optional<PlainUrl> parse_plain_url(const std::string& url);

}  // namespace gateway
