#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace engine {
namespace {

constexpr uint32_t kEnd = UINT32_MAX;

uint64_t pair_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

MergeTable::MergeTable(const std::vector<TokenizerFile::Merge>& merges) {
    const size_t n_slots = std::bit_ceil(merges.size() * 2 + 2);
    slots_.resize(n_slots);
    shift_ = 64 - std::countr_zero(n_slots);
    for (size_t rank = 0; rank < merges.size(); ++rank) {
        const auto& [left, right, merged] = merges[rank];
        const uint64_t pair = pair_of(left, right);
        slots_[slot_of(pair)] = {pair, {static_cast<uint32_t>(rank), merged}};
    }
}

MergeTable::Merge MergeTable::find(int32_t left, int32_t right) const {
    return slots_[slot_of(pair_of(left, right))].merge;
}

// The slot that holds `pair`, or the empty one where it would stand. Ids are below 2^31, so no pair
// equals the mark of an empty slot.
size_t MergeTable::slot_of(uint64_t pair) const {
    const size_t mask = slots_.size() - 1;
    size_t slot = (pair * 0x9E3779B97F4A7C15u) >> shift_;
    while (slots_[slot].pair != pair && slots_[slot].pair != UINT64_MAX) slot = (slot + 1) & mask;
    return slot;
}

Bpe::Bpe(const TokenizerFile& file) : merges_(file.merges) {
    std::vector<bool> is_added(file.tokens.size());
    for (const auto& added : file.added) is_added[static_cast<size_t>(added.id)] = true;
    const auto each_token = [&](const auto& visit) {
        for (size_t id = 0; id < file.tokens.size(); ++id) {
            if (!is_added[id] && !file.tokens[id].empty()) {
                visit(static_cast<int32_t>(id), std::string_view(file.tokens[id]));
            }
        }
    };
    each_token([&](int32_t id, std::string_view bytes) {
        if (bytes.size() == 1) byte_tokens_[static_cast<uint8_t>(bytes[0])] = id;
    });
    Scratch scratch;
    std::vector<int32_t> tokens;
    each_token([&](int32_t id, std::string_view bytes) {
        tokens.clear();
        merge(bytes, scratch, tokens);
        if (tokens.size() == 1 && tokens[0] == id) whole_.emplace(bytes, id);
    });
}

void Bpe::encode(std::string_view piece, Scratch& scratch, std::vector<int32_t>& tokens) const {
    if (const auto found = whole_.find(piece); found != whole_.end()) {
        tokens.push_back(found->second);
    } else {
        merge(piece, scratch, tokens);
    }
}

void Bpe::push_pair(Scratch& scratch, uint32_t left) const {
    const auto& symbol = scratch.symbols[left];
    if (symbol.next == kEnd) return;
    const uint32_t rank = merges_.find(symbol.id, scratch.symbols[symbol.next].id).rank;
    if (rank == MergeTable::kNone) return;
    scratch.heap.push_back(static_cast<uint64_t>(rank) << 32 | left);
    std::push_heap(scratch.heap.begin(), scratch.heap.end(), std::greater<>());
}

void Bpe::merge(std::string_view piece, Scratch& scratch, std::vector<int32_t>& tokens) const {
    auto& symbols = scratch.symbols;
    auto& heap = scratch.heap;
    const auto n = static_cast<uint32_t>(piece.size());
    symbols.clear();
    heap.clear();
    for (uint32_t i = 0; i < n; ++i) {
        symbols.push_back({byte_tokens_[static_cast<uint8_t>(piece[i])], i == 0 ? kEnd : i - 1,
                           i + 1 == n ? kEnd : i + 1});
    }
    for (uint32_t i = 0; i < n; ++i) push_pair(scratch, i);
    while (!heap.empty()) {
        std::pop_heap(heap.begin(), heap.end(), std::greater<>());
        const auto rank = static_cast<uint32_t>(heap.back() >> 32);
        const auto at = static_cast<uint32_t>(heap.back());
        heap.pop_back();
        auto& left = symbols[at];
        if (left.id < 0 || left.next == kEnd) continue;
        auto& right = symbols[left.next];
        const MergeTable::Merge found = merges_.find(left.id, right.id);
        if (found.rank != rank) continue;  // one of the two has changed since
        left.id = found.merged;
        right.id = -1;
        left.next = right.next;
        if (left.next != kEnd) symbols[left.next].previous = at;
        push_pair(scratch, at);
        if (left.previous != kEnd) push_pair(scratch, left.previous);
    }
    for (const auto& symbol : symbols) {
        if (symbol.id >= 0) tokens.push_back(symbol.id);
    }
}

}  // namespace engine
