#include "engine/calls/call_memory.h"

#include <algorithm>

#include "engine/chat/json_cursor.h"

namespace engine {
namespace {

bool same_json(const std::string& a, const std::string& b) {
    if (a == b) return true;
    std::string printed_a, printed_b;
    JsonCursor json_a(a), json_b(b);
    return json_a.print(printed_a) && json_a.done() && json_b.print(printed_b) && json_b.done() &&
           printed_a == printed_b;
}

bool same_call(const ToolCall& a, const ToolCall& b) {
    return a.id == b.id && a.name == b.name && same_json(a.arguments, b.arguments);
}

}  // namespace

// Near enough: twice the structs stands for the containers' own.
size_t CallMemory::weight(const Block& block) {
    size_t n_bytes = 2 * sizeof(Block) + block.lead.size() + block.text.size() +
                     block.tokens.size() * sizeof(int32_t);
    for (const ToolCall& call : block.calls) {
        n_bytes += 2 * sizeof(ToolCall) + call.id.size() + call.name.size() + call.arguments.size();
    }
    return n_bytes;
}

void CallMemory::remember(Block block) {
    if (block.calls.empty()) return;
    const auto shared = std::make_shared<const Block>(std::move(block));
    const std::lock_guard lock(mutex_);
    if (!by_id_.emplace(shared->calls.front().id, shared).second) return;
    in_order_.push_back(shared);
    n_bytes_ += weight(*shared);
    while (n_bytes_ > n_bytes_max_) {
        n_bytes_ -= weight(*in_order_.front());
        by_id_.erase(in_order_.front()->calls.front().id);
        in_order_.pop_front();
    }
}

std::shared_ptr<const CallMemory::Block> CallMemory::find(
    uint64_t owner, const std::vector<ToolCall>& calls) const {
    if (calls.empty()) return nullptr;
    Shared found;
    {
        const std::lock_guard lock(mutex_);
        const auto at = by_id_.find(calls.front().id);
        if (at == by_id_.end()) return nullptr;
        found = at->second;
    }
    const bool same =
        found->owner == owner &&
        std::equal(calls.begin(), calls.end(), found->calls.begin(), found->calls.end(), same_call);
    return same ? found : nullptr;
}

}  // namespace engine
