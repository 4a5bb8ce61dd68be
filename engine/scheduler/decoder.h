#pragma once
// What the scheduler drives: a model with a fixed number of places for sequences.
#include <array>
#include <cstdint>
#include <span>

namespace engine {

// Confined to the scheduler thread, but kv_bytes() and resident().
class Decoder {
public:
    struct Chunk {
        int place = 0;                    // stands in a batch once
        std::span<const int32_t> tokens;  // >= 1, appended to what the place holds
        float* logits = nullptr;          // [n_vocab] of the last token, written; null: not wanted
    };
    // What is known of a prompt before it is computed.
    struct Reuse {
        int64_t n_tokens = 0;  // the place holds so many of it already; fewer than all
        // When it holds exactly so many, keep() is worth its while; rising, 0: none.
        std::array<int64_t, 2> keep_at{};
    };

    virtual ~Decoder() = default;
    virtual int64_t n_vocab() const = 0;
    // Memory of a sequence that holds n_tokens. From any thread.
    virtual int64_t kv_bytes(int64_t n_tokens) const = 0;
    virtual void clear(int place) = 0;  // holds an empty sequence afterwards
    // Takes what a place holds aside, under a name of the caller's; the place is empty afterwards.
    virtual void set_aside(int place, uint64_t name) = 0;
    virtual void take_up(uint64_t name, int place) = 0;  // into an empty place, to the bit
    virtual void drop(uint64_t name) = 0;
    // Begins a sequence in an empty place with what earlier prompts of this owner left behind.
    virtual Reuse begin(int place, uint64_t owner, std::span<const int32_t> prompt) = 0;
    // Remembers what a place holds, these tokens, for later prompts of this owner.
    virtual void keep(int place, uint64_t owner, std::span<const int32_t> tokens) = 0;
    virtual int64_t kept_bytes() const = 0;
    // How many leading tokens of a prompt begin() would find, if it came now.
    virtual int64_t resident(uint64_t owner, std::span<const int32_t> prompt) const = 0;
    virtual void step(std::span<const Chunk> batch) = 0;
};

}  // namespace engine
