#pragma once
// The header Idempotency-Key: what it may be, and what a client is told of one that it may not use.
#include <string_view>

#include "gateway/api/api_error.h"

namespace gateway {

// 1 to 255 visible ASCII characters and blanks between them. Else 400.
std::optional<ApiError> check_idempotency_key(std::string_view key);

ApiError key_of_another_request();  // 422
ApiError key_still_running();       // 409, to be sent again
ApiError kept_answers_full();       // 429: the account's answers of a day are too many
// Its first request will never be answered, because the process died meanwhile. `request` is its
// id.
ApiError key_orphaned(std::string_view request);     // 500
ApiError answer_not_kept(std::string_view request);  // 409: it was too large

}  // namespace gateway
