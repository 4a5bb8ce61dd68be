#pragma once
// A model's name as the plan of an answer: how much, how fast, what goes wrong.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/mock_script.h"

namespace mock {

struct Plan {
    enum class Break : uint8_t { none, reset, stall, error, malformed };
    enum class UsageShape : uint8_t { exact, none, zero, absurd, twice, in_delta };

    int fault = 0;  // 0: none
    int64_t n_chunks = 20;
    int64_t n_reasoning = 0;
    int64_t n_cached = 0;
    int64_t n_before_break = 3;
    int64_t n_text_bytes = 0;  // a chunk; 0: a short word
    std::chrono::milliseconds gap{0}, first{0};
    Break breaks = Break::none;
    UsageShape usage = UsageShape::exact;
    std::string finish_reason = "stop";
    bool done = true;        // false: the connection closes behind the finish reason
    bool byte_wise = false;  // every byte a send of its own
    bool tools = false;
};

// Holds the request's output limit, but for the fault that does not.
Plan plan_of(const Request& request);

}  // namespace mock
