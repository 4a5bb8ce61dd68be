#include "billing/report_columns.h"

#include <algorithm>
#include <array>

namespace billing {
namespace {

constexpr std::array<std::string_view, 9> kByNames = {
    "account", "key", "route", "endpoint", "model", "outcome", "day", "hour", "name"};
constexpr std::string_view kLabelPrefix = "label:";

tl::unexpected<Error> bad_column(std::string detail) {
    return tl::unexpected(Error{Errc::query_invalid, std::move(detail)});
}

}  // namespace

Result<std::vector<ByColumn>> parse_by(const std::vector<std::string>& names) {
    std::vector<ByColumn> columns;
    for (const std::string& name : names) {
        ByColumn column;
        const auto at = std::find(kByNames.begin(), kByNames.end(), name);
        if (at != kByNames.end()) {
            column.by = static_cast<By>(at - kByNames.begin());
        } else if (name.starts_with(kLabelPrefix) && name.size() > kLabelPrefix.size()) {
            column = {By::label, name.substr(kLabelPrefix.size())};
        } else {
            return bad_column(
                "no column \"" + name +
                "\"; there are account, key, name, label:NAME, route, endpoint, model, "
                "outcome, day, hour");
        }
        if (std::find(columns.begin(), columns.end(), column) != columns.end())
            return bad_column("column \"" + name + "\" is given twice");
        columns.push_back(std::move(column));
    }
    return columns;
}

}  // namespace billing
