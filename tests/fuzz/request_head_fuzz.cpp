// A request head from a stranger: whatever is accepted means one thing to our scanner, to Beast and
// to the rules that the rest of the gateway relies on, and how the bytes were cut in pieces changes
// nothing.
#include <cstdint>
#include <cstring>

#include "config/ensure.h"
#include "gateway/server/request_head.h"

namespace {

constexpr gateway::FramingLimits kLimits{
    .head_bytes_max = 4'096, .n_fields_max = 16, .target_bytes_max = 512};

// The head's size, 0 for incomplete, minus the status for refused.
long find_in_steps(std::string_view bytes, size_t step) {
    gateway::HeadFinder finder;
    for (size_t n = std::min(step, bytes.size());; n = std::min(n + step, bytes.size())) {
        const auto found = finder.find(bytes.substr(0, n), kLimits);
        if (!found) return -found.error().status;
        if (*found > 0) return static_cast<long>(*found);
        if (n == bytes.size()) return 0;
    }
}

void check_accepted(const gateway::RequestHead& head) {
    const gateway::HttpHead& http = head.http;
    ENSURE(!http.method.empty() && http.target.size() <= kLimits.target_bytes_max);
    ENSURE(http.target.front() == '/' && http.path.front() == '/');
    ENSURE(http.path.find("/../") == std::string::npos && !http.path.ends_with("/.."));
    ENSURE(http.path.find("//") == std::string::npos);
    ENSURE(http.path.find('\0') == std::string::npos && http.path.find('\\') == std::string::npos);
    ENSURE(http.fields.size() <= kLimits.n_fields_max);
    size_t n_hosts = 0;
    size_t n_framings = 0;
    for (const auto& [name, value] : http.fields) {
        n_hosts += name == "host";
        n_framings += name == "content-length" || name == "transfer-encoding";
        ENSURE(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    }
    ENSURE(n_hosts <= 1 && (n_hosts == 1 || head.framing.version_minor == 0));
    ENSURE(n_framings <= 1);
    ENSURE((n_framings == 1) == (head.framing.chunked || head.framing.content_length));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const long whole = find_in_steps(bytes, size + 1);
    const long by_byte = find_in_steps(bytes, 1);
    // Byte by byte a fault may show before the end has come, but no other head is found.
    ENSURE(by_byte <= 0 || by_byte == whole);
    if (whole <= 0) return 0;
    const auto head =
        gateway::read_request_head(bytes.substr(0, static_cast<size_t>(whole)), kLimits);
    ENSURE(!head || by_byte == whole);
    if (head) check_accepted(*head);
    return 0;
}
