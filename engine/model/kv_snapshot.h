#pragma once
// Parts of a sequence's KV as bytes, to be put back into this or another sequence of the same
// model, format and context. Rows are final, so those of any positions can be taken at any time;
// the tail, window rows and open compressor windows, is what the sequence is at its last token.
// What comes back is the same to the bit.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/model/kv_state.h"

namespace engine {

// The least multiple of every layer's compress_ratio that is 128 tokens or more. Where a prefix of
// a multiple of it ends, no compressor window is open, so its tail is small.
int64_t kv_block_tokens(const ModelConfig& config);

int64_t tail_bytes(const KvState& kv);
void save_tail(const KvState& kv, std::span<std::byte> to);  // to.size() == tail_bytes()
// Of a sequence that held n_tokens; the rows of as many are put back too before it is used.
void load_tail(KvState& kv, int64_t n_tokens, std::span<const std::byte> from);

// Entries and keys of whole windows in [begin, end) tokens, for multiples of every compress_ratio;
// or of all tokens, if end is n_tokens().
struct TokenRange {
    int64_t begin = 0;
    int64_t end = 0;
};
int64_t rows_bytes(const KvState& kv, TokenRange tokens);
void save_rows(const KvState& kv, TokenRange tokens, std::span<std::byte> to);
void load_rows(KvState& kv, TokenRange tokens, std::span<const std::byte> from);

// A whole sequence, put aside.
class KvSnapshot {
public:
    explicit KvSnapshot(const KvState& kv);
    void restore(KvState& kv) const;  // kv: an empty sequence
    int64_t n_tokens() const { return n_tokens_; }
    int64_t bytes() const { return static_cast<int64_t>(tail_.size() + rows_.size()); }

private:
    int64_t n_tokens_;
    std::vector<std::byte> tail_;
    std::vector<std::byte> rows_;
};

}  // namespace engine
