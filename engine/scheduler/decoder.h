#pragma once
// What the scheduler drives: a model with a fixed number of places for sequences.
#include <cstdint>
#include <span>

namespace engine {

// Confined to the scheduler thread.
class Decoder {
public:
    struct Chunk {
        int place = 0;                    // stands in a batch once
        std::span<const int32_t> tokens;  // >= 1, appended to what the place holds
        float* logits = nullptr;          // [n_vocab] of the last token, written; null: not wanted
    };

    virtual ~Decoder() = default;
    virtual int64_t n_vocab() const = 0;
    virtual void clear(int place) = 0;  // holds an empty sequence afterwards
    virtual void step(std::span<const Chunk> batch) = 0;
};

}  // namespace engine
