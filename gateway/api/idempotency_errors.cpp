#include "gateway/api/idempotency_errors.h"

namespace gateway {

namespace {

constexpr size_t kIdempotencyKeyBytesMax = 255;

ApiError key_error(int status, std::string message, const char* code, bool should_retry) {
    ApiError error;
    error.status = status;
    error.message = std::move(message);
    if (status >= 500) error.type = "server_error";
    error.param = "Idempotency-Key";
    error.code = code;
    error.headers.emplace_back("x-should-retry", should_retry ? "true" : "false");
    return error;
}

}  // namespace

std::optional<ApiError> check_idempotency_key(std::string_view key) {
    bool is_text = !key.empty() && key.size() <= kIdempotencyKeyBytesMax;
    for (const char c : key) is_text &= c >= 0x20 && c < 0x7F;
    if (is_text) return {};
    return key_error(400,
                     "Invalid header 'Idempotency-Key': expected 1 to 255 visible ASCII "
                     "characters, a new one for each request that is not a repetition.",
                     "invalid_idempotency_key", false);
}

ApiError key_of_another_request() {
    return key_error(422,
                     "This Idempotency-Key was used for a request with another body. Use a new "
                     "key for a new request, or send the same body again.",
                     "idempotency_key_reused", false);
}

ApiError key_still_running() {
    ApiError error =
        key_error(409, "The request with this Idempotency-Key is still being answered. Try again.",
                  "idempotency_key_in_use", true);
    error.headers.emplace_back("retry-after", "1");
    return error;
}

ApiError kept_answers_full() {
    ApiError error = key_error(
        429,
        "This account's answers that are kept for a day under their Idempotency-Key take all of "
        "their room. Send the request without the header, or wait until older answers are gone.",
        "idempotency_answers_full", false);
    error.type = "requests";
    return error;
}

ApiError key_orphaned(std::string_view request) {
    return key_error(500,
                     "The server stopped while it was answering the request with this "
                     "Idempotency-Key (" +
                         std::string(request) +
                         "), and there is no answer. What had been delivered by then was "
                         "charged. Use a new key to ask again.",
                     "idempotency_answer_lost", false);
}

ApiError answer_not_kept(std::string_view request) {
    return key_error(409,
                     "The request with this Idempotency-Key (" + std::string(request) +
                         ") was answered and charged, but its answer was too large to be kept. "
                         "Use a new key to ask again.",
                     "idempotency_answer_too_large", false);
}

}  // namespace gateway
