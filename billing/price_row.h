#pragma once
// A price as table prices keeps it: whatever stands there, so that any change of it shows.
#include <array>
#include <optional>
#include <string>

#include "billing/applied_price.h"
#include "billing/digest.h"

namespace billing {

struct PriceRow {
    // Columns in the order of the table, between `name` and `version`, and behind `currency`.
    static constexpr size_t kFirstNumbers = 6;
    static constexpr size_t kNumberCount = 19;

    std::string name, version, window, currency;
    // effective_from, five rates | tier, usd_per_unit, markup_ppm, the rule of long_context and its
    // five rates.
    std::array<int64_t, kNumberCount> numbers{};
    std::string text;    // the version as the config had it, windows and tiers not applied included
    std::string digest;  // SHA-256 of text

    // Written by schema 1, which kept a name, an instant and five rates.
    bool is_of_schema_1() const;
};

PriceRow to_row(Sha256& sha256, const AppliedPrice& price);

// Nothing: no price comes to such numbers.
std::optional<AppliedPrice> to_price(const PriceRow& row);

// Whether the digest is that of the text; true for rows of schema 1.
bool has_true_digest(Sha256& sha256, const PriceRow& row);

}  // namespace billing
