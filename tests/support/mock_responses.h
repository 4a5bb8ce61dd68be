#pragma once
// The mock upstream's Responses API: as strict about a request's members and items as the vendor
// (openai-wire 2.1, 2.2), and streaming the vendor's events (2.4).
#include "tests/support/mock_plan.h"
#include "tests/support/mock_script.h"

namespace mock {

bool is_responses(const Request& request);
// The answer that `plan` asks for. Two calls where it asks for tools, until their results are
// there.
Script responses_script(const Plan& plan, const Request& request);

}  // namespace mock
