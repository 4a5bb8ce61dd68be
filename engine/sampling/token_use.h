#pragma once
#include <cstdint>

namespace engine {

// What a row of the logits is to an answer.
enum class TokenUse : uint8_t {
    never,    // is not sampled
    text,     // may be sampled and shown
    control,  // may be sampled, is not shown
};

}  // namespace engine
