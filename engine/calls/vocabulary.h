#pragma once
// The text tokens of a tokenizer, to find those that a machine (engine/calls/byte_trie.h) accepts
// next.
#include <cstdint>
#include <span>
#include <vector>

#include "engine/calls/byte_trie.h"
#include "engine/tokenizer/tokenizer.h"

namespace engine {

// Borrows the tokenizer. Constant after construction; any thread.
class Vocabulary {
public:
    explicit Vocabulary(const Tokenizer& tokenizer);

    // Tokens that a JSON string cannot go on with whatever it is: they hold a quote, a backslash or
    // a byte below 0x20.
    std::span<const int32_t> breaking() const { return breaking_; }

    // Appends the tokens that the machine goes on with; where it stands in a text inside quotes,
    // those of breaking() alone. In a name, a < in front of what breaks it goes unseen.
    template <class Machine>
    void find(const Machine& machine, std::vector<int32_t>& out) const {
        const auto& place = machine.place();
        switch (machine.text(place)) {
            case JsonText::none:
                tokens_.walk(machine, place, [&](size_t begin, size_t end) {
                    out.insert(out.end(), ids_.begin() + static_cast<ptrdiff_t>(begin),
                               ids_.begin() + static_cast<ptrdiff_t>(end));
                });
                return;
            case JsonText::free:
            case JsonText::name:
                tails_.walk(machine, place, [&](size_t begin, size_t end) {
                    out.insert(out.end(), tail_ids_.begin() + static_cast<ptrdiff_t>(begin),
                               tail_ids_.begin() + static_cast<ptrdiff_t>(end));
                });
                return;
            case JsonText::listed:
                for (const int32_t id : tail_ids_) {
                    if (accepts(machine, id)) out.push_back(id);
                }
        }
    }
    // Whether all of a token's bytes are accepted, one after the other.
    template <class Machine>
    bool accepts(const Machine& machine, int32_t id) const {
        auto place = machine.place();
        for (const char byte : tokenizer_.bytes(id)) {
            if (!machine.advance(place, static_cast<uint8_t>(byte))) return false;
        }
        return true;
    }

private:
    const Tokenizer& tokenizer_;
    std::vector<int32_t> ids_;  // by their bytes
    ByteTrie tokens_;           // of ids_
    std::vector<int32_t> breaking_;
    // Of breaking(), those whose first breaking byte a string may hold, by their bytes from there
    // on: what stands in front leaves free text as it is.
    std::vector<int32_t> tail_ids_;
    ByteTrie tails_;  // of tail_ids_
};

// Whether any text can be written: each byte is a token.
bool writes_every_byte(const Tokenizer& tokenizer);

}  // namespace engine
