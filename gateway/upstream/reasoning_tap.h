#pragma once
// Listens to the first choice of a chat answer for reasoning that its tool calls will need again.
#include <simdjson.h>

#include <string>
#include <utility>
#include <vector>

#include "gateway/upstream/reasoning_store.h"

namespace gateway {

class ReasoningTap {
public:
    explicit ReasoningTap(KeepReasoning keep) : keep_(std::move(keep)) {}
    // A delta, or the message of a whole answer.
    void hear(const simdjson::dom::object& said);
    // The choice has ended.
    void end();

private:
    const KeepReasoning keep_;
    std::string reasoning_;
    std::vector<std::string> calls_;
};

}  // namespace gateway
