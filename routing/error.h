#pragma once
#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace routing {

enum class Errc : uint8_t {
    model_unknown,
    context_exceeded,       // no endpoint of the plan holds the prompt and its output limit
    output_limit_exceeded,  // the output limit asked for is above every endpoint's
    capability_missing,     // no endpoint of the plan can do what the request needs
    tier_unsupported,       // no endpoint of the plan can keep the thinking that was asked for
    budget_unsupported,     // a token budget for thinking, which no endpoint of the plan enforces
    budget_too_large,       // ... and which leaves no output token for an answer
    param_unsupported,      // a parameter that no endpoint of the plan bears while it thinks
    reasoning_missing,      // tool calls without their reasoning, and no endpoint does without it
    conditions_unmet,       // the conditions of no endpoint of the plan hold
    thinking_degraded,      // strictly asked, and no endpoint of the plan thinks as asked for
};

struct Error {
    Errc code;
    std::string detail;  // for the log, and for messages that api_error.cpp composes
};

template <class T>
using Result = tl::expected<T, Error>;

}  // namespace routing
