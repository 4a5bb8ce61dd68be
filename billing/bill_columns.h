#pragma once
// Which column of a vendor's bill means what. A profile per vendor whose file is publicly known, as
// data; any other file is read by the generic names or by names given for it.
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "billing/error.h"

namespace billing {

// What a bill may state. The first three say what a line is about, the others are summed.
enum class BillColumn : uint8_t {
    time,   // a day or an instant
    model,  // as the vendor calls it
    request_id,
    requests,
    input,  // all input tokens, cached or not
    input_uncached,
    cache_read,
    cache_write,
    output,  // answer and reasoning
    usd,
    currency,
    // A file with one figure a line: which one it is, how many, and the price of one.
    figure,
    amount,
    unit_price,
};
inline constexpr size_t kBillColumnCount = 14;
// As the generic file and --column call them.
inline constexpr std::array<std::string_view, kBillColumnCount> kBillColumnNames = {
    "time",
    "model",
    "request_id",
    "requests",
    "input_tokens",
    "input_uncached_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "usd",
    "currency",
    "figure",
    "amount",
    "unit_price",
};

struct BillProfile {
    std::string name;
    std::string source;  // where the columns are shown
    // Several columns of one meaning are added.
    std::vector<std::pair<BillColumn, std::string>> columns;
    // What the cells of column figure mean; cells that are not listed are passed over.
    std::vector<std::pair<std::string, BillColumn>> figures;
};

// "generic" first.
std::span<const BillProfile> bill_profiles();

// The profile by name; with an empty name the first vendor's whose columns are all in `header`,
// else the generic one. Errors: query_invalid, naming what there is.
Result<const BillProfile*> find_bill_profile(std::string_view name,
                                             std::span<const std::string> header);

}  // namespace billing
