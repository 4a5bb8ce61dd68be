#pragma once
// Byte-pair encoding of one piece of text: of all neighbouring pairs that have a merge, the one
// that stands first in the file is merged, the leftmost of equals, until none is left.
#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizer/tokenizer_json.h"

namespace engine {

// Pair of ids to merge, in open addressing: this look-up is where the time goes.
class MergeTable {
public:
    struct Merge {
        uint32_t rank;  // kNone: the pair has no merge
        int32_t merged;
    };
    static constexpr uint32_t kNone = UINT32_MAX;

    explicit MergeTable(const std::vector<TokenizerFile::Merge>& merges);
    Merge find(int32_t left, int32_t right) const;

private:
    struct Slot {
        uint64_t pair = UINT64_MAX;
        Merge merge{kNone, -1};
    };
    size_t slot_of(uint64_t pair) const;

    std::vector<Slot> slots_;  // a power of two, at most half full
    int shift_;
};

// Constant after construction; any thread, each with its own Scratch. Borrows the file's tokens.
class Bpe {
public:
    class Scratch {
        friend class Bpe;
        struct Symbol {
            int32_t id;  // -1: merged into the one before
            uint32_t previous;
            uint32_t next;
        };
        std::vector<Symbol> symbols;
        std::vector<uint64_t> heap;  // rank above position: the least comes first
    };

    explicit Bpe(const TokenizerFile& file);

    // Appends the tokens of `piece`. O(n log n) in its bytes, which must be fewer than 2^32.
    void encode(std::string_view piece, Scratch& scratch, std::vector<int32_t>& tokens) const;

private:
    void merge(std::string_view piece, Scratch& scratch, std::vector<int32_t>& tokens) const;
    void push_pair(Scratch& scratch, uint32_t left) const;

    MergeTable merges_;
    std::array<int32_t, 256> byte_tokens_{};
    // Pieces that come out as one token: most words of most texts, and no lock as a cache would
    // need.
    std::unordered_map<std::string_view, int32_t> whole_;
};

}  // namespace engine
