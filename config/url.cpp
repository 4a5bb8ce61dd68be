#include "config/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace config {

namespace {

constexpr std::string_view kExample = "https://api.example.com/v1";

bool is_family(int family, std::string_view text) {
    unsigned char address[16];
    return text.find('\0') == std::string_view::npos &&
           inet_pton(family, std::string(text).c_str(), address) == 1;
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > 253) return false;
    while (true) {
        const size_t dot = host.find('.');
        const std::string_view label = host.substr(0, dot);
        if (label.empty() || label.size() > 63 || label[0] == '-' || label.back() == '-') {
            return false;
        }
        if (!std::all_of(label.begin(), label.end(),
                         [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; })) {
            return false;
        }
        if (dot == std::string_view::npos) break;
        host.remove_prefix(dot + 1);
    }
    return true;
}

// A host of digits and dots is an address or a mistake.
bool is_host(std::string_view host) {
    if (host.starts_with('[')) {
        return host.ends_with(']') && is_family(AF_INET6, host.substr(1, host.size() - 2));
    }
    if (host.find_first_not_of("0123456789.") == std::string_view::npos) {
        return is_family(AF_INET, host);
    }
    return is_host_name(host);
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "[::1]" ||
           (host.starts_with("127.") && is_family(AF_INET, host));
}

bool is_port(std::string_view port) {
    if (port.empty() || port.size() > 5 || port[0] == '0') return false;
    int value = 0;
    for (const char c : port) {
        if (c < '0' || c > '9') return false;
        value = value * 10 + (c - '0');
    }
    return value <= 65'535;
}

// Empty, or segments of unreserved characters, each after one slash.
bool is_path(std::string_view path) {
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const std::string_view segment = path.substr(0, path.find('/'));
        if (segment.empty() || segment == "." || segment == "..") return false;
        for (const char c : segment) {
            if (!is_letter_or_digit(c) && std::string_view("-._~:@+").find(c) == segment.npos) {
                return false;
            }
        }
        path.remove_prefix(segment.size());
    }
    return true;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

}  // namespace

bool is_ip_address(std::string_view text) {
    return is_family(AF_INET, text) || is_family(AF_INET6, text);
}

std::optional<std::string> proxy_fault(std::string_view text) {
    constexpr std::string_view kScheme = "http://";
    constexpr std::string_view kCure = "write http://[user:password@]host:port";
    if (!text.starts_with(kScheme)) return fmt::format("not an http URL; {}", kCure);
    std::string_view host = text.substr(kScheme.size());
    if (host.ends_with('/')) host.remove_suffix(1);
    if (host.find_first_of("/?#") != host.npos) return fmt::format("has a path; {}", kCure);
    if (const size_t user_end = host.rfind('@'); user_end != host.npos)
        host.remove_prefix(user_end + 1);
    const size_t colon = host.rfind(':');
    if (colon == host.npos || !is_port(host.substr(colon + 1)))
        return fmt::format("has no port of 1 to 65535; {}", kCure);
    if (!is_host(host.substr(0, colon)))
        return fmt::format("no host name or IP address in it; {}", kCure);
    return {};
}

tl::expected<std::string, std::string> read_base_url(std::string_view text) {
    const auto refuse = [](std::string why) { return tl::make_unexpected(std::move(why)); };
    const size_t scheme_end = text.find("://");
    const std::string scheme = lower(text.substr(0, std::min(scheme_end, text.size())));
    if (scheme_end == std::string_view::npos || (scheme != "https" && scheme != "http")) {
        return refuse(fmt::format("not an http or https URL; write it like {}", kExample));
    }
    std::string_view rest = text.substr(scheme_end + 3);
    if (rest.find_first_of("?#") != std::string_view::npos) {
        return refuse("a base URL has no query and no fragment; end it before ? or #");
    }
    while (rest.ends_with('/')) rest.remove_suffix(1);
    const size_t path_start = std::min(rest.find('/'), rest.size());
    const std::string_view path = rest.substr(path_start);
    std::string authority = lower(rest.substr(0, path_start));
    if (authority.find('@') != std::string::npos) {
        return refuse("a base URL holds no user or password; put the key into api_key");
    }
    std::string_view host = authority;
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        if (!is_port(host.substr(colon + 1))) return refuse("the port is not one of 1 to 65535");
        host = host.substr(0, colon);
    }
    if (!is_host(host)) {
        return refuse(fmt::format("no host name or IP address in it; write it like {}", kExample));
    }
    if (!is_path(path)) {
        return refuse(
            fmt::format("the path is not plain words between slashes; write it like {}", kExample));
    }
    if (scheme == "http" && !is_loopback(host)) {
        return refuse("http would send the key in the clear; write https, or a loopback host");
    }
    return fmt::format("{}://{}{}", scheme, authority, path);
}

}  // namespace config
