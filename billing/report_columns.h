#pragma once
// The columns that a report may be grouped by.
#include <string>
#include <vector>

#include "billing/error.h"

namespace billing {

enum class By : uint8_t { account, key, route, endpoint, model, outcome, day, hour, name, label };

struct ByColumn {
    By by = By::account;
    std::string label = {};  // the name of a label
    friend bool operator==(const ByColumn&, const ByColumn&) = default;
};

// Errors: query_invalid, which lists what there is.
Result<std::vector<ByColumn>> parse_by(const std::vector<std::string>& names);

}  // namespace billing
