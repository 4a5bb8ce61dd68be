#pragma once
// What a request pays by: one price, at the instant of its RESERVE, in one service tier. Settled
// with the request and kept in the ledger, so that a charge is computed from what stands there.
#include <memory>
#include <string>

#include "billing/error.h"
#include "billing/types.h"
#include "config/price.h"

namespace billing {

struct AppliedPrice {
    std::string name;
    std::string version;  // empty: the price has only one
    std::string window;   // empty: outside all windows
    config::ServiceTier tier = config::ServiceTier::standard;
    UnixMillis effective_from;  // of the version
    std::string currency = "USD";
    config::Tariff tariff;
    std::shared_ptr<const std::string> text;  // the version as the config has it; may be null

    // By content.
    friend std::strong_ordering operator<=>(const AppliedPrice& a, const AppliedPrice& b);
    friend bool operator==(const AppliedPrice& a, const AppliedPrice& b) { return a <=> b == 0; }
};

// Equal arguments give equal prices. Errors: unpriced, if no version holds at that instant or it
// has no such tier.
Result<AppliedPrice> apply_price(const config::Price& price, UnixMillis at,
                                 config::ServiceTier tier);

}  // namespace billing
