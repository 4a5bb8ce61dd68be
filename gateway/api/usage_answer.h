#pragma once
// What the owner of a key is told about its money: GET /v1/usage.
#include <string>

#include "billing/billing.h"

namespace gateway {

// Amounts are decimal strings of USD, instants RFC 3339.
std::string usage_answer(const billing::UsageView& usage);

}  // namespace gateway
