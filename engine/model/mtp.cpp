#include "engine/model/mtp.h"

#include <algorithm>

#include "config/ensure.h"
#include "engine/kernels/dequantise.h"
#include "engine/kernels/flush_subnormals.h"
#include "engine/kernels/rms_norm.h"
#include "engine/model/buffers.h"

namespace engine {
namespace {

using Buffers = Workspace::Buffers;

// Streams of the tokens whose successor is known move to the front, in their order.
void take_chunks(std::span<const MtpChunk> batch, Buffers& b) {
    ENSURE(batch.size() == b.chunks.size());
    const int64_t width = b.config.n_hc * b.config.n_embd;
    b.mtp_chunks.clear();
    int64_t to = 0;
    for (size_t chunk = 0; chunk < batch.size(); ++chunk) {
        const auto n = static_cast<int64_t>(batch[chunk].next.size());
        ENSURE(n <= static_cast<int64_t>(b.chunks[chunk].tokens.size()));
        for (int64_t i = 0; i < n; ++i, ++to) {
            const int64_t from = b.chunk_begin[chunk] + i;
            if (from != to) std::copy_n(b.streams[from], width, b.streams[to]);
        }
    }
    for (const MtpChunk& chunk : batch) {
        const LogitsWanted wanted = chunk.next.empty() ? LogitsWanted::none : chunk.wanted;
        b.mtp_chunks.push_back({chunk.kv, chunk.next, wanted, chunk.logits});
    }
    take_batch(b.mtp_chunks, b);
}

// b.hidden: the normalised embedding of a token's successor; its streams, normalised, in place.
void prepare(const ModelWeights& w, int64_t t, Buffers& b) {
    const ModelConfig& c = b.config;
    const int32_t next = b.tokens[static_cast<size_t>(t)].id;
    kernels::dequantise(w.embed, next, 0, c.n_embd, b.hidden[t]);
    kernels::rms_norm(b.ops, b.hidden[t], w.mtp->enorm, c.n_embd, c.rms_eps, b.hidden[t]);
    if (b.rounded) round_input(b.hidden[t], c.n_embd);
    b.hidden_packed.pack(b.ops, t, b.hidden[t]);
    for (int64_t j = 0; j < c.n_hc; ++j) {
        float* stream = b.streams[t] + j * c.n_embd;
        kernels::rms_norm(b.ops, stream, w.mtp->hnorm, c.n_embd, c.rms_eps, stream);
        if (b.rounded) round_input(stream, c.n_embd);
        b.mtp_packed.pack(b.ops, t * c.n_hc + j, stream);
        b.mtp_stream_pointers[static_cast<size_t>(t * c.n_hc + j)] = stream;
    }
    turn_token(t, b);
}

void join(int64_t t, Buffers& b) {
    const ModelConfig& c = b.config;
    for (int64_t j = 0; j < c.n_hc; ++j) {
        float* stream = b.streams[t] + j * c.n_embd;
        const float* projected = b.mtp_streams[t * c.n_hc + j];
        for (int64_t i = 0; i < c.n_embd; ++i) stream[i] = b.sub_out[t][i] + projected[i];
    }
}

}  // namespace

ModelConfig mtp_config(const ModelConfig& config) {
    ModelConfig block = config;
    block.n_layers = 1;
    block.layers = {kMtpLayer};
    return block;
}

void mtp_forward(const Model& model, Workspace& workspace, std::span<const MtpChunk> batch) {
    Buffers& b = workspace.buffers();
    const ModelWeights& w = model.weights();
    ENSURE(&b.config == &model.config() && w.mtp != nullptr);
    const kernels::FlushSubnormals flush;
    take_chunks(batch, b);
    if (b.n_tokens == 0) return;
    b.pool.run(b.n_tokens, [&](int64_t t, int) { prepare(w, t, b); });
    kernels::MatmulJob projections[] = {
        job(w.mtp->e_proj, b.hidden, b.hidden_packed, b.sub_out, b.n_tokens),
        {w.mtp->h_proj, b.mtp_packed.input(b.mtp_stream_pointers.data()), b.mtp_streams.pointers(),
         b.n_tokens * b.config.n_hc},
    };
    kernels::matmul(b.pool, b.ops, projections);
    b.pool.run(b.n_tokens, [&](int64_t t, int) { join(t, b); });
    attention_block(w.mtp->layer, {kMtpLayer, 0}, b, nullptr);
    ffn_block(w.mtp->layer, 0, b, nullptr);
    write_logits({w.mtp->hc_head, w.mtp->norm, w.head}, b);
    for (const MtpChunk& chunk : batch) chunk.kv->advance(static_cast<int64_t>(chunk.next.size()));
}

}  // namespace engine
