#pragma once
// The mock upstream's Messages API: as strict about a request's head, members and turns as the
// vendor (openai-wire 5.1; thinking-tiers 6), and streaming the vendor's events (5.3). The fault of
// a model's name may also be a status: "fault-529".
#include <optional>

#include "tests/support/mock_plan.h"
#include "tests/support/mock_script.h"

namespace mock {

bool is_messages(const Request& request);
// The vendor's error (openai-wire 5.4), where `plan` asks for one or the request is no good.
std::optional<Script> messages_refusal(const Plan& plan, const Request& request);
// The answer that `plan` asks for, with reasoning where the request has thinking on, signed. Two
// calls where it asks for tools, until their results are there. Two tokens are written to the cache
// where something has a cache_control.
Script messages_script(const Plan& plan, const Request& request);

}  // namespace mock
