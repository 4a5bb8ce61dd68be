#pragma once
// Requests that their client may send again (header Idempotency-Key): what the first of them came
// to is what all of them get, and only the first is charged. The key commits with RESERVE and the
// outcome with SETTLE, so it stands in the ledger's file; it is no part of the chain and goes when
// it is older than a day. A RELEASE frees the key: nothing was charged, and nothing is replayed.
#include <chrono>
#include <optional>
#include <string>

#include "billing/digest.h"
#include "billing/types.h"

namespace billing {

inline constexpr std::chrono::milliseconds kAnswersKept = std::chrono::hours(24);

struct IdempotencyKey {
    Digest key;   // SHA-256 of the header's value
    Digest body;  // SHA-256 of the request's body
};

// What the client was answered. The ledger does not look inside.
struct KeptAnswer {
    std::string media;  // "application/json", ...
    std::string bytes;
};

struct EarlierRequest {
    RequestId request;
    Digest body;
    // Nothing: it never came to an end that could be kept, because its process died first.
    std::optional<KeptAnswer> answer;
};

}  // namespace billing
