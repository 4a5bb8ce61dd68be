#pragma once
// One request as the ledger has it: who, what was held, what it came to, at which price. Read by a
// connection of its own: a server may be running.
#include <filesystem>
#include <string>
#include <vector>

#include "billing/applied_price.h"
#include "billing/error.h"
#include "billing/types.h"

namespace billing {

struct RequestView {
    // Tokens of one class, and what they have of the cost: the parts add up to it.
    struct Part {
        const char* name;  // as the columns of reports
        int64_t n_tokens = 0;
        int64_t rate = 0;  // 1e-12 of the price's currency a token
        NanoUsd cost;
    };
    struct Ending {
        int64_t entry = 0;
        UnixMillis at;
        bool is_settled = false;  // else released: nothing was charged
        Outcome outcome = Outcome::internal;
        uint32_t flags = flag_none;
        // Settled:
        NanoUsd charged;
        std::string endpoint, model;  // empty: not written
        CountSource source = CountSource::engine;
        AppliedPrice price;
        std::vector<Part> parts;  // one each class
        bool is_long = false;     // by price.tariff.long_context
        std::optional<TokenCounts> upstream_tokens;
    };

    // One attempt at an endpoint, failed ones included.
    struct AttemptView {
        std::string endpoint, model;
        UnixMillis started, ended;
        AttemptOutcome outcome = AttemptOutcome::complete;
        CountSource source = CountSource::counted;  // whose counts the cost is of
        TokenCounts tokens;
        std::optional<TokenCounts> upstream_tokens;
        std::string price;             // its name
        NanoUsd cost;                  // of the operator
        std::string upstream_request;  // empty: it told none
    };
    struct RefundView {
        int64_t entry = 0;
        UnixMillis at;
        NanoUsd amount;
        std::string ref, reason;
    };

    RequestId request;
    int64_t entry = 0;  // of its RESERVE
    UnixMillis at;
    AccountId account;
    std::string account_name;  // and labels, as they were when it was written
    KeyId key;
    std::string key_prefix, key_last4;
    std::string key_label, labels;  // empty: none
    std::string route;              // empty: not written
    NanoUsd held;
    std::optional<Ending> ending;       // nothing: it is open
    std::vector<AttemptView> attempts;  // of a request that has ended
    std::vector<RefundView> refunds;
};

// Errors: request_unknown; ledger_broken; ledger_unavailable.
Result<RequestView> find_request(const std::filesystem::path& ledger, RequestId request);

// "estimated, usage_clamped"; empty: none.
std::string flags_text(uint32_t flags);

}  // namespace billing
