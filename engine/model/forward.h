#pragma once
// One step of the model over a batch: each sequence brings some new tokens (a prompt's chunk or one
// token to decode) and gets logits. The same bits come out however a sequence's tokens are cut into
// chunks, whichever sequences share the batch, and whatever the number of threads.
#include <cstdint>
#include <memory>
#include <span>

#include "engine/kernels/ops.h"
#include "engine/kernels/thread_pool.h"
#include "engine/model/kv_state.h"
#include "engine/model/model.h"

namespace engine {

enum class LogitsWanted : uint8_t {
    none,
    last,  // of the last token: one row
    all,   // one row a token
};

struct SequenceChunk {
    KvState* kv = nullptr;  // advanced by tokens.size(); stands in a batch once
    std::span<const int32_t>
        tokens;  // >= 1, each in [0, n_vocab); with kv->n_tokens() at most kv->n_ctx()
    LogitsWanted wanted = LogitsWanted::last;
    float* logits = nullptr;  // [rows wanted, n_vocab], written; null if none
};

// What tests look at on the way. Called on the calling thread, in order of layers.
class ForwardTrace {
public:
    virtual ~ForwardTrace() = default;
    // `token` counts within the batch. attn_out and ffn_out: [n_embd]. streams: [n_hc * n_embd].
    virtual void on_attention(int64_t layer, int64_t token, std::span<const float> attn_out,
                              std::span<const int32_t> chosen_entries) = 0;
    virtual void on_ffn(int64_t layer, int64_t token, std::span<const float> ffn_out,
                        std::span<const int32_t> experts, std::span<const float> weights,
                        std::span<const float> streams) = 0;
};

struct WorkspaceConfig {
    int64_t n_tokens_max = 256;  // in one batch, all its chunks together
    int64_t n_ctx = 8192;        // the most positions of any sequence
    kernels::Isa isa = kernels::best_isa();
};

// All scratch of forward(), allocated once. Borrows model and pool, which outlive it.
class Workspace {
public:
    Workspace(const Model& model, kernels::ThreadPool& pool, const WorkspaceConfig& config);
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

    int64_t n_tokens_max() const;
    int64_t bytes() const;

    struct Buffers;  // forward()'s own
    Buffers& buffers() { return *buffers_; }

private:
    std::unique_ptr<Buffers> buffers_;
};

// Allocates nothing. Not reentrant for one workspace; its pool serves one caller at a time.
void forward(const Model& model, Workspace& workspace, std::span<const SequenceChunk> batch,
             ForwardTrace* trace = nullptr);

}  // namespace engine
