#pragma once
// The words of the ledger.
#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"
#include "config/units.h"

namespace billing {

using config::NanoUsd;
using config::PicoUsd;
using config::UnixMillis;

struct AccountId {
    int64_t n = 0;
    friend auto operator<=>(AccountId, AccountId) = default;
};
struct KeyId {
    int64_t n = 0;
    friend auto operator<=>(KeyId, KeyId) = default;
};
struct RequestId {
    int64_t n = 0;
    friend auto operator<=>(RequestId, RequestId) = default;
};

// Who of a path pays: the nearest that has one. Stored: never renumber.
enum class Wallet : uint8_t { prepaid = 0, none = 1, postpaid = 2 };
std::string_view to_string(Wallet wallet);

// Tokens of one answer, in five disjoint classes, each >= 0. Their sum is what was used.
struct TokenCounts {
    int64_t input_uncached = 0;
    int64_t cache_read = 0;
    int64_t cache_write = 0;
    int64_t output_answer = 0;
    int64_t output_reasoning = 0;
    friend bool operator==(const TokenCounts&, const TokenCounts&) = default;
};

// Who counted.
enum class CountSource : uint8_t { engine, upstream, counted };

// How a request ended, as the metric outcome= and the ledger say it.
enum class Outcome : uint8_t {
    ok,
    length,
    tool_calls,
    content_filter,
    client_gone,
    caller_error,
    quota,
    rate_limit,
    upstream_error,
    cut,
    internal,
};
std::string_view to_string(Outcome outcome);

// How one attempt at an endpoint ended: why it failed, as the config's failure classes. Stored:
// never renumber.
enum class AttemptOutcome : uint8_t {
    complete = 0,
    cancelled = 1,  // by us: the client left, or the request could not be served
    credential = 2,
    quota = 3,
    model_gone = 4,
    rate_limit = 5,
    overloaded = 6,
    server_error = 7,
    connect = 8,
    timeout_ttft = 9,
    timeout_idle = 10,
    cut = 11,
    malformed = 12,
    caller_fault = 13,
    content_policy = 14,
    context_exceeded = 15,
    lost = 16,  // a crash of ours: how it ended is not known
};
inline constexpr size_t kAttemptOutcomeCount = 17;
std::string_view to_string(AttemptOutcome outcome);
AttemptOutcome failed_as(config::FailureClass failure);
std::string_view to_string(CountSource source);

// Set of remarks on an entry.
enum Flag : uint32_t {
    flag_none = 0,
    flag_estimated = 1,      // counts are ours because the upstream gave none
    flag_usage_clamped = 2,  // the upstream's counts were impossible and were cut to the hold
    flag_usage_zero = 4,     // the upstream said 0
    flag_recovered = 8,      // ended at start: a crash had left the hold open
};

inline constexpr size_t kRefBytesMax = 64;  // of a refund's or a credit's reference

struct Caller {
    AccountId account;  // that the key is of; it or one above it pays
    KeyId key;
};

// Money set aside for one request. A value: it is ended by Billing::settle or Billing::release,
// once.
struct Hold {
    RequestId request;
    Caller caller;
    NanoUsd amount;
    UnixMillis at;          // of its RESERVE: prices, windows and budgets go by it
    bool is_keyed = false;  // its outcome is kept (idempotency.h)
};

struct Balance {
    NanoUsd funds, reserved, spent;
    NanoUsd available() const { return funds - reserved - spent; }
    friend bool operator==(const Balance&, const Balance&) = default;
};

}  // namespace billing
