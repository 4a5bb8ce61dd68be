#pragma once
// The MTP block: a draft of the token after the next. For a position i whose next token y is known,
//     Z[j] = e_proj RMSNorm(embed[y]) + h_proj RMSNorm(X_i[j])      for each stream j
// goes through one layer with a window of its own and through the block's own exit, and the logits
// predict token i + 2. Its streams take X's place, so that a drafted token can be fed the same way.
#include <span>

#include "engine/model/forward.h"

namespace engine {

// The shape of the KV that the block keeps for a sequence: KvState(mtp_config(c), n_ctx).
ModelConfig mtp_config(const ModelConfig& config);

struct MtpChunk {
    KvState* kv = nullptr;  // of the block; advanced by next.size()
    // What follows each of the first next.size() tokens of this place's chunk in the last forward()
    // or mtp_forward() with this workspace: at most as many as it had.
    std::span<const int32_t> next;
    LogitsWanted wanted = LogitsWanted::last;
    float* logits = nullptr;  // [rows wanted, n_vocab], written; null if none
};

// Comes right after forward() or itself, on the same workspace, chunk by chunk the same sequences.
// The model has an MTP block. Allocates nothing. The same bits in any chunking.
void mtp_forward(const Model& model, Workspace& workspace, std::span<const MtpChunk> batch);

}  // namespace engine
