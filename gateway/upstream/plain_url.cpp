#include "gateway/upstream/plain_url.h"

#include <curl/curl.h>

#include <memory>

namespace gateway {

namespace {

// Empty: the URL does not have it.
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
    std::string out = text;
    curl_free(text);
    return out;
}

}  // namespace

std::optional<PlainUrl> parse_plain_url(const std::string& url) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
    if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
        return std::nullopt;
    if (part_of(parsed.get(), CURLUPART_SCHEME) != "http") return std::nullopt;
    if (!part_of(parsed.get(), CURLUPART_USER).empty()) return std::nullopt;
    if (!part_of(parsed.get(), CURLUPART_ZONEID).empty()) return std::nullopt;
    PlainUrl out;
    out.host = part_of(parsed.get(), CURLUPART_HOST);
    const std::string port = part_of(parsed.get(), CURLUPART_PORT);
    out.authority = port.empty() ? out.host : out.host + ":" + port;
    out.port = port.empty() ? "80" : port;
    out.target = part_of(parsed.get(), CURLUPART_PATH);
    const std::string query = part_of(parsed.get(), CURLUPART_QUERY);
    if (!query.empty()) out.target += "?" + query;
    const bool is_bracketed = out.host.size() > 2 && out.host.front() == '[';
    if (is_bracketed) out.host = out.host.substr(1, out.host.size() - 2);
    return out;
}

}  // namespace gateway
