#include <cctype>

#include "gateway/api/routes.h"
#include "gateway/server/http_types.h"

namespace gateway {

namespace {

constexpr size_t kKeyBytesMax = 512;
constexpr size_t kEchoBytesMax = 128;

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool same_word(std::string_view a, std::string_view lower_case) {
    if (a.size() != lower_case.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)
        if (std::tolower(static_cast<unsigned char>(a[i])) != lower_case[i]) return false;
    return true;
}

bool is_visible(std::string_view text) {
    for (const char c : text)
        if (c <= 0x20 || c >= 0x7F) return false;
    return true;
}

// What stands behind `Bearer`; any other scheme counts as no key.
std::string_view bearer_token(std::string_view value) {
    value = trim(value);
    const size_t blank = value.find_first_of(" \t");
    if (blank == value.npos || !same_word(value.substr(0, blank), "bearer")) return {};
    return trim(value.substr(blank));
}

ApiError two_keys() {
    ApiError error;
    error.status = 400;
    error.message =
        "The request carries more than one API key. Send exactly one, in one of the headers "
        "Authorization, x-api-key and api-key.";
    error.code = "conflicting_credentials";
    return error;
}

}  // namespace

std::optional<ApiError> check_content_type(std::string_view content_type) {
    const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
    if (trim(content_type).empty() || same_word(type, "application/json")) return {};
    std::string echo(content_type.substr(0, kEchoBytesMax));
    for (char& c : echo)
        if (c < 0x20 || c >= 0x7F) c = '?';
    ApiError error;
    error.status = 400;
    error.message = "Unsupported content type: '" + echo +
                    "'. This API method only accepts 'application/json' requests, but you "
                    "specified the header 'Content-Type: " +
                    echo + "'. Please try again with a supported content type.";
    error.code = "unsupported_content_type";
    return error;
}

tl::expected<bool, ApiError> is_compressed(std::string_view content_encoding) {
    const std::string_view coding = trim(content_encoding);
    if (coding.empty() || same_word(coding, "identity")) return false;
    for (const std::string_view known : {"gzip", "x-gzip", "deflate"})
        if (same_word(coding, known)) return true;
    ApiError error;
    error.status = 415;
    error.message =
        "Request bodies are taken as gzip, as deflate or uncompressed. Send the body with one of "
        "these as its only Content-Encoding, or without the header.";
    error.code = "unsupported_content_encoding";
    error.headers.emplace_back("accept-encoding", "gzip, deflate");
    return tl::unexpected(std::move(error));
}

tl::expected<std::string_view, ApiError> extract_credential(const HttpHead& head) {
    std::string_view key;
    size_t n_keys = 0;
    for (const auto& [name, value] : head.fields) {
        const bool is_authorization = name == "authorization";
        if (!is_authorization && name != "x-api-key" && name != "api-key") continue;
        key = is_authorization ? bearer_token(value) : trim(value);
        ++n_keys;
    }
    if (n_keys > 1) return tl::unexpected(two_keys());
    if (key.empty()) return tl::unexpected(missing_key());
    if (key.size() > kKeyBytesMax || !is_visible(key)) return tl::unexpected(invalid_key());
    return key;
}

}  // namespace gateway
