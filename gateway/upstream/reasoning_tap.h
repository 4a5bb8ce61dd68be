#pragma once
// Listens to the first choice of a chat answer for reasoning that its tool calls will need again,
// or its text, where that follows the result of a call.
#include <simdjson.h>

#include <string>
#include <utility>
#include <vector>

#include "gateway/upstream/reasoning_store.h"

namespace gateway {

class ReasoningTap {
public:
    ReasoningTap(KeepReasoning keep, bool follows_results)
        : keep_(std::move(keep)), follows_results_(follows_results) {}
    // A delta, or the message of a whole answer.
    void hear(const simdjson::dom::object& said);
    // The choice has ended.
    void end();

private:
    const KeepReasoning keep_;
    const bool follows_results_;
    std::string reasoning_, content_;
    std::vector<std::string> calls_;
};

}  // namespace gateway
