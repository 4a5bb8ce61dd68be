#pragma once
// The text tokens of a tokenizer in the order of their bytes, to find those that a machine accepts
// without trying each.
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/calls/call_grammar.h"
#include "engine/tokenizer/tokenizer.h"

namespace engine {

// Borrows the tokenizer. Constant after construction; any thread.
class Vocabulary {
public:
    explicit Vocabulary(const Tokenizer& tokenizer);

    // Appends the tokens that a block may go on with from the machine's place. Takes time by the
    // number of their beginnings, so inside free text and inside a JSON string a caller knows
    // better.
    void find(const CallMachine& machine, std::vector<int32_t>& out) const;
    // Tokens that a JSON string cannot go on with whatever it is: they hold a quote, a backslash or
    // a byte below 0x20.
    std::span<const int32_t> breaking() const { return breaking_; }
    // Whether all of a token's bytes are accepted, one after the other.
    bool accepts(const CallMachine& machine, int32_t id) const;

private:
    void walk(const CallMachine& machine, const CallMachine::Place& place, size_t begin, size_t end,
              size_t depth, std::vector<int32_t>& out) const;

    const Tokenizer& tokenizer_;
    std::vector<int32_t> ids_;          // sorted by bytes
    std::array<size_t, 257> begins_{};  // in ids_, by the first byte
    std::vector<int32_t> breaking_;
};

// Whether any text can be written: each byte is a token.
bool writes_every_byte(const Tokenizer& tokenizer);

}  // namespace engine
