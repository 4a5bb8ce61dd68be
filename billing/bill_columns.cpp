#include "billing/bill_columns.h"

#include <algorithm>

namespace billing {

std::span<const BillProfile> bill_profiles() {
    using enum BillColumn;
    static const std::vector<BillProfile> profiles = {
        {"generic",
         "the names of this program; all but time and model may be missing",
         {{time, "time"},
          {model, "model"},
          {request_id, "request_id"},
          {requests, "requests"},
          {input, "input_tokens"},
          {input_uncached, "input_uncached_tokens"},
          {cache_read, "cache_read_tokens"},
          {cache_write, "cache_write_tokens"},
          {output, "output_tokens"},
          {usd, "usd"},
          {currency, "currency"}},
         {}},
        {"openai-usage",
         "export of the usage page, shown 2025-10 in xavierjflanagan/Guardian, "
         "openai-usage-and-cost-"
         "report-2025-10-12.md; members as in the API reference, organization.usage.completions."
         "result: input_tokens has the cached ones in it. The cost export names no model",
         {{time, "start_time_iso"},
          {model, "model"},
          {requests, "num_model_requests"},
          {input, "input_tokens"},
          {cache_read, "input_cached_tokens"},
          {output, "output_tokens"}},
         {}},
        {"deepseek-amount",
         "amount-YYYY-M.csv of the platform's monthly export, shown 2026-05 to 2026-09 in several "
         "public readers of it; price is of one token, in the wallet's currency",
         {{time, "utc_date"},
          {model, "model"},
          {figure, "type"},
          {unit_price, "price"},
          {amount, "amount"}},
         {{"request_count", requests},
          {"input_cache_miss_tokens", input_uncached},
          {"input_cache_hit_tokens", cache_read},
          {"output_tokens", output}}},
        {"anthropic-usage",
         "token export of the console, shown 2025-06 to 2026-03 in several public readers of it; "
         "it "
         "states neither requests nor money",
         {{time, "usage_date_utc"},
          {model, "model_version"},
          {input_uncached, "usage_input_tokens_no_cache"},
          {cache_write, "usage_input_tokens_cache_write_5m"},
          {cache_write, "usage_input_tokens_cache_write_1h"},
          {cache_read, "usage_input_tokens_cache_read"},
          {output, "usage_output_tokens"}},
         {}},
    };
    return profiles;
}

Result<const BillProfile*> find_bill_profile(std::string_view name,
                                             std::span<const std::string> header) {
    const auto profiles = bill_profiles();
    if (name.empty()) {
        const auto is_there = [&](const auto& column) {
            return std::ranges::find(header, column.second) != header.end();
        };
        for (const BillProfile& profile : profiles.subspan(1)) {
            if (std::ranges::all_of(profile.columns, is_there)) return &profile;
        }
        return &profiles.front();
    }
    std::string names;
    for (const BillProfile& profile : profiles) {
        if (profile.name == name) return &profile;
        names += (names.empty() ? "" : ", ") + profile.name;
    }
    return tl::unexpected(Error{Errc::query_invalid, "no profile of bills \"" + std::string(name) +
                                                         "\"; there are " + names});
}

}  // namespace billing
