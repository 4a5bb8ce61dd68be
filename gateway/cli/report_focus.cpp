#include "gateway/cli/report_focus.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "billing/report_time.h"
#include "config/local_time.h"
#include "gateway/cli/command.h"
#include "gateway/cli/csv_cell.h"

namespace gateway {

namespace {

enum FocusBy : size_t { kDay, kAccount, kKey, kKeyName, kRoute, kEndpoint, kModel };

constexpr const char* kFocusHeader[] = {
    "BilledCost",        "BillingAccountId",   "BillingAccountName", "BillingCurrency",
    "BillingPeriodEnd",  "BillingPeriodStart", "ChargeCategory",     "ChargeClass",
    "ChargeDescription", "ChargeFrequency",    "ChargePeriodEnd",    "ChargePeriodStart",
    "ConsumedQuantity",  "ConsumedUnit",       "ContractedCost",     "EffectiveCost",
    "InvoiceIssuerName", "ListCost",           "PricingCategory",    "PricingQuantity",
    "PricingUnit",       "ProviderName",       "PublisherName",      "RegionId",
    "RegionName",        "ResourceId",         "ResourceName",       "ResourceType",
    "ServiceCategory",   "ServiceName",        "ServiceSubcategory", "SkuId",
    "SkuPriceId",        "SubAccountId",       "SubAccountName",     "Tags",
    "x_Requests",        "x_InputTokens",      "x_CacheReadTokens",  "x_CacheWriteTokens",
    "x_OutputTokens",    "x_ReasoningTokens",  "x_OperatorCost"};

struct Periods {
    std::string day_begin, day_end, month_begin, month_end;
};

std::string instant_of(const billing::Zone& zone, const std::string& date) {
    const auto at = zone.day_begin(date);
    return at ? config::to_rfc3339(*at) : std::string();
}

Periods periods_of(const std::string& day, const billing::Zone& zone) {
    const std::string month = day.substr(0, 8) + "01";
    const auto first = config::parse_date(month);
    const auto date = config::parse_date(day);
    if (!first || !date) return {};
    // Some day of the month after this one.
    const std::string later = billing::Zone::day_text(*first + 31);
    return {instant_of(zone, day), instant_of(zone, billing::Zone::day_text(*date + 1)),
            instant_of(zone, month), instant_of(zone, later.substr(0, 8) + "01")};
}

std::string root_of(const std::string& path) {
    return path.substr(0, path.find('/'));
}

void print_line(const std::vector<std::string>& cells) {
    std::string out;
    for (const std::string& cell : cells) out += (out.empty() ? "" : ",") + cell;
    std::printf("%s\n", out.c_str());
}

void print_charge(const billing::ReportRow& row, const Periods& periods, bool is_refund) {
    const std::string& account = row.by[kAccount];
    const std::string usd =
        config::to_string(is_refund ? billing::NanoUsd{-row.refunded_usd.n} : row.usd);
    const auto& t = row.tokens;
    const int64_t n_tokens = is_refund ? 0
                                       : t.input_uncached + t.cache_read + t.cache_write +
                                             t.output_answer + t.output_reasoning;
    const std::string n = std::to_string(n_tokens);
    const std::string model = row.by[kModel].empty() ? row.by[kRoute] : row.by[kModel];
    const nlohmann::json tags{{"key", row.by[kKeyName]}, {"route", row.by[kRoute]}};
    const auto count = [&](int64_t value) { return std::to_string(is_refund ? 0 : value); };
    print_line({usd,
                csv_cell(root_of(account)),
                csv_cell(root_of(account)),
                "USD",
                periods.month_end,
                periods.month_begin,
                is_refund ? "Credit" : "Usage",
                "",
                csv_cell((is_refund ? "Refund, " : "Tokens, ") + model),
                is_refund ? "One-Time" : "Usage-Based",
                periods.day_end,
                periods.day_begin,
                is_refund ? "" : n,
                is_refund ? "" : "Tokens",
                usd,
                usd,
                "Weir",
                usd,
                is_refund ? "" : "Standard",
                is_refund ? "" : n,
                is_refund ? "" : "Tokens",
                "Weir",
                csv_cell(row.by[kEndpoint].empty() ? "Weir" : row.by[kEndpoint]),
                "",
                "",
                csv_cell(row.by[kKey]),
                csv_cell(row.by[kKeyName]),
                "API key",
                "AI and Machine Learning",
                csv_cell(row.by[kRoute]),
                "Generative AI",
                csv_cell(model),
                "",
                csv_cell(account),
                csv_cell(account),
                csv_cell(tags.dump()),
                count(row.n_requests),
                count(t.input_uncached),
                count(t.cache_read),
                count(t.cache_write),
                count(t.output_answer),
                count(t.output_reasoning),
                is_refund ? "0.00" : config::to_string(row.operator_usd)});
}

}  // namespace

std::vector<std::string> focus_columns() {
    return {"day", "account", "key", "name", "route", "endpoint", "model"};
}

int print_focus(const std::vector<billing::ReportRow>& rows, const std::string& zone) {
    const auto found = billing::Zone::find(zone);
    if (!found) return kExitUsage;  // the report has said why
    print_line({std::begin(kFocusHeader), std::end(kFocusHeader)});
    for (const billing::ReportRow& row : rows) {
        const Periods periods = periods_of(row.by[kDay], *found);
        const bool is_charged = row.n_requests > 0 || row.operator_usd.n != 0;
        if (is_charged) print_charge(row, periods, false);
        if (row.refunded_usd.n != 0) print_charge(row, periods, true);
    }
    return kExitOk;
}

}  // namespace gateway
