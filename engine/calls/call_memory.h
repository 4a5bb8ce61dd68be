#pragma once
// What answers wrote to call tools. A client sends calls back as JSON, which a model can have
// written in many ways; found here, they stand in the next prompt as the model wrote them, token by
// token.
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace engine {

// Any thread.
class CallMemory {
public:
    struct Block {
        uint64_t owner = 0;
        std::vector<ToolCall> calls{};  // as they were told to the client; one at least
        bool in_reasoning = false;      // the think block was open, and stayed so
        std::string lead{};             // between what the client was told and the first DSML token
        std::string text{};             // from that token on
        std::vector<int32_t> tokens{};  // of `text`
    };

    explicit CallMemory(size_t n_bytes_max) : n_bytes_max_(n_bytes_max) {}

    // The oldest go once all together are larger than n_bytes_max.
    void remember(Block block);
    // The block of exactly these calls: of the same owner, ids, names and arguments, which may be
    // spaced another way. Else null.
    std::shared_ptr<const Block> find(uint64_t owner, const std::vector<ToolCall>& calls) const;

private:
    using Shared = std::shared_ptr<const Block>;
    static size_t weight(const Block& block);

    const size_t n_bytes_max_;
    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::unordered_map<std::string, Shared> by_id_;  // of the first call
    std::deque<Shared> in_order_;
    size_t n_bytes_ = 0;
};

}  // namespace engine
