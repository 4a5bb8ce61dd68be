#include "billing/price_row.h"

#include <algorithm>

namespace billing {
namespace {

using config::LongContext;

std::string digest_of(Sha256& sha256, std::string_view text) {
    const Digest digest =
        sha256({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
    return {digest.begin(), digest.end()};
}

// The columns behind `currency`, as schema 1 would have had them.
PriceRow without_more(const PriceRow& row) {
    AppliedPrice plain;
    plain.name = row.name;
    PriceRow bare{row.name, "", "", plain.currency, {}, "", ""};
    std::copy_n(row.numbers.begin(), PriceRow::kFirstNumbers, bare.numbers.begin());
    bare.numbers[7] = plain.tariff.usd_per_unit;
    bare.numbers[11] = plain.tariff.long_context.counts_cached ? 1 : 0;
    return bare;
}

bool is_flag(int64_t n) {
    return n == 0 || n == 1;
}

}  // namespace

bool PriceRow::is_of_schema_1() const {
    const PriceRow bare = without_more(*this);
    return version.empty() && window.empty() && currency == bare.currency && text.empty() &&
           digest.empty() && numbers == bare.numbers;
}

PriceRow to_row(Sha256& sha256, const AppliedPrice& price) {
    const config::Tariff& tariff = price.tariff;
    const LongContext& rule = tariff.long_context;
    PriceRow row{price.name, price.version, price.window, price.currency, {}, "", ""};
    if (price.text) row.text = *price.text;
    row.digest = digest_of(sha256, row.text);
    row.numbers = {price.effective_from.ms,
                   tariff.rates.input,
                   tariff.rates.cache_read,
                   tariff.rates.cache_write,
                   tariff.rates.output,
                   tariff.rates.reasoning,
                   static_cast<int64_t>(price.tier),
                   tariff.usd_per_unit,
                   tariff.markup_ppm,
                   rule.n_tokens,
                   rule.inclusive,
                   rule.counts_cached,
                   static_cast<int64_t>(rule.measured_on),
                   static_cast<int64_t>(rule.applies_to),
                   rule.rates.input,
                   rule.rates.cache_read,
                   rule.rates.cache_write,
                   rule.rates.output,
                   rule.rates.reasoning};
    return row;
}

std::optional<AppliedPrice> to_price(const PriceRow& row) {
    const auto& n = row.numbers;
    constexpr int64_t kPpm = config::kPartsPerMillion;
    const bool is_possible =
        std::all_of(n.begin() + 1, n.begin() + 6, [](int64_t rate) { return rate >= 0; }) &&
        std::all_of(n.begin() + 14, n.end(), [](int64_t rate) { return rate >= 0; }) && n[6] >= 0 &&
        n[6] < static_cast<int64_t>(config::kServiceTierCount) && n[7] > 0 &&
        n[7] <= 1'000 * config::kNanoPerUnit && n[8] > -kPpm && n[8] <= 10 * kPpm && n[9] >= 0 &&
        is_flag(n[10]) && is_flag(n[11]) && is_flag(n[12]) && is_flag(n[13]);
    if (!is_possible) return std::nullopt;
    AppliedPrice price;
    price.name = row.name;
    price.version = row.version;
    price.window = row.window;
    price.currency = row.currency;
    price.effective_from = {n[0]};
    price.tier = static_cast<config::ServiceTier>(n[6]);
    price.tariff = {{n[1], n[2], n[3], n[4], n[5]},
                    {n[9],
                     n[10] == 1,
                     n[11] == 1,
                     static_cast<LongContext::Measure>(n[12]),
                     static_cast<LongContext::Reach>(n[13]),
                     {n[14], n[15], n[16], n[17], n[18]}},
                    n[7],
                    n[8]};
    if (!row.text.empty()) price.text = std::make_shared<const std::string>(row.text);
    return price;
}

bool has_true_digest(Sha256& sha256, const PriceRow& row) {
    return row.is_of_schema_1() || row.digest == digest_of(sha256, row.text);
}

}  // namespace billing
