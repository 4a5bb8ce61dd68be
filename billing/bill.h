#pragma once
// A vendor's bill, read from its CSV file.
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "billing/bill_columns.h"
#include "billing/decimal.h"

namespace billing {

inline constexpr int64_t kBillBytesMax = int64_t{256} << 20;
inline constexpr int64_t kBillLinesMax = 5'000'000;

// The figures that a bill and the ledger have in common, in the order of BillColumn::requests to
// ::usd; money in 1e-18 USD.
inline constexpr size_t kBillFigureCount = 7;
using BillFigures = std::array<Atto, kBillFigureCount>;
constexpr size_t figure_index(BillColumn column) {
    return static_cast<size_t>(column) - static_cast<size_t>(BillColumn::requests);
}

struct BillLine {
    int64_t line = 0;  // of the file
    int64_t day = 0;   // since 1970-01-01, at the bill's offset from UTC
    std::string model;
    std::string request_id;  // empty: the bill names none
    BillFigures figures{};
};

struct Bill {
    std::string profile;
    std::set<BillColumn> states;  // which figures it has, and whether request_id
    // Days are those of a clock so far ahead of UTC; 0 unless the bill's own times say otherwise.
    int64_t offset_s = 0;
    std::vector<BillLine> lines;
};

struct BillReading {
    std::string profile;                         // empty: by the header
    std::map<std::string, std::string> columns;  // meaning -> column, instead of the profile's
    std::map<std::string, std::string> models;   // the vendor's name -> the ledger's
    // USD for one unit of the bill's currency, in 1e-9; a bill that names another currency than USD
    // is refused without.
    std::optional<int64_t> usd_per_unit;
};

// Errors: query_invalid, with the line and what is wrong with it.
Result<Bill> read_bill(std::string_view text, const BillReading& reading);

}  // namespace billing
