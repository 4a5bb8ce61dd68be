#include "engine/model/forward.h"

#include <algorithm>

#include "config/ensure.h"
#include "engine/kernels/dequantise.h"
#include "engine/kernels/flush_subnormals.h"
#include "engine/kernels/rms_norm.h"
#include "engine/kernels/rope.h"
#include "engine/model/buffers.h"

namespace engine {
namespace {

using Buffers = Workspace::Buffers;

}  // namespace

void take_batch(std::span<const SequenceChunk> batch, Buffers& b) {
    b.chunks = batch;
    b.n_tokens = 0;
    for (size_t chunk = 0; chunk < batch.size(); ++chunk) {
        const SequenceChunk& from = batch[chunk];
        const auto n = static_cast<int64_t>(from.tokens.size());
        ENSURE(from.kv != nullptr && b.n_tokens + n <= b.n_tokens_max);
        ENSURE(from.kv->n_tokens() + n <= std::min(from.kv->n_ctx(), b.n_ctx));
        b.chunk_begin[chunk] = b.n_tokens;
        for (int64_t i = 0; i < n; ++i) {
            const int32_t id = from.tokens[static_cast<size_t>(i)];
            ENSURE(id >= 0 && id < b.config.n_vocab);
            b.tokens[static_cast<size_t>(b.n_tokens++)] = {id, from.kv->n_tokens() + i,
                                                           static_cast<int64_t>(chunk)};
        }
    }
}

void turn_token(int64_t token, Buffers& b) {
    const int64_t pos = b.tokens[static_cast<size_t>(token)].pos;
    kernels::rope_turns(b.frequencies_main, pos, b.turns_main[token]);
    kernels::rope_turns(b.frequencies_compress, pos, b.turns_compress[token]);
}

namespace {

void embed(const Matrix& table, const BatchToken& token, int64_t n_copies, float* streams) {
    kernels::dequantise(table, token.id, 0, table.cols, streams);
    for (int64_t j = 1; j < n_copies; ++j)
        std::copy_n(streams, table.cols, streams + j * table.cols);
}

void enter(const ModelWeights& w, Buffers& b) {
    b.pool.run(b.n_tokens, [&](int64_t t, int) {
        const BatchToken& token = b.tokens[static_cast<size_t>(t)];
        embed(w.embed, token, b.config.n_hc, b.streams[t]);
        turn_token(t, b);
    });
}

// Streams of the tokens whose logits are wanted go to b.row_pointers, where logits go to
// b.logit_pointers.
int64_t collect_wanted(Buffers& b) {
    int64_t n = 0;
    for (size_t chunk = 0; chunk < b.chunks.size(); ++chunk) {
        const SequenceChunk& from = b.chunks[chunk];
        if (from.wanted == LogitsWanted::none) continue;
        ENSURE(from.logits != nullptr);
        const int64_t begin = b.chunk_begin[chunk];
        const int64_t end = begin + static_cast<int64_t>(from.tokens.size());
        const int64_t first = from.wanted == LogitsWanted::all ? begin : end - 1;
        for (int64_t t = first; t < end; ++t) {
            b.row_pointers[static_cast<size_t>(n)] = b.streams[t];
            b.logit_pointers[static_cast<size_t>(n++)] =
                from.logits + (t - first) * b.config.n_vocab;
        }
    }
    return n;
}

}  // namespace

void write_logits(const Exit& exit, Buffers& b) {
    const ModelConfig& c = b.config;
    const int64_t n = collect_wanted(b);
    if (n == 0) return;
    kernels::MatmulJob project{exit.hc_head.fn, b.row_pointers.data(), b.hc_raw.pointers(), n};
    kernels::matmul(b.pool, b.ops, {&project, 1});
    b.pool.run(n, [&](int64_t i, int) {
        const float* streams = b.row_pointers[static_cast<size_t>(i)];
        const float reciprocal =
            kernels::rms_reciprocal(b.ops, streams, c.n_hc * c.n_embd, c.rms_eps);
        float pre[kernels::kHcStreamsMax];
        kernels::hc_exit_coefficients(c.n_hc, c.hc_eps, exit.hc_head.base, exit.hc_head.scale,
                                      b.hc_raw[i], reciprocal, pre);
        kernels::hc_collapse(pre, c.n_hc, streams, c.n_embd, b.hidden[i]);
        kernels::rms_norm(b.ops, b.hidden[i], exit.norm, c.n_embd, c.rms_eps, b.hidden[i]);
        b.hidden_packed.pack(b.ops, i, b.hidden[i]);
    });
    kernels::MatmulJob head{exit.head, b.hidden_packed.input(b.hidden.pointers()),
                            b.logit_pointers.data(), n};
    kernels::matmul(b.pool, b.ops, {&head, 1});
}

void forward(const Model& model, Workspace& workspace, std::span<const SequenceChunk> batch,
             ForwardTrace* trace) {
    Buffers& b = workspace.buffers();
    ENSURE(&b.config == &model.config());
    for (const SequenceChunk& chunk : batch) ENSURE(!chunk.tokens.empty());
    const kernels::FlushSubnormals flush;
    take_batch(batch, b);
    if (b.n_tokens == 0) return;
    const ModelWeights& w = model.weights();
    enter(w, b);
    for (int64_t i = 0; i < model.config().n_layers; ++i) {
        const LayerWeights& layer = w.layers[static_cast<size_t>(i)];
        attention_block(layer, {b.config.layers[static_cast<size_t>(i)], i}, b, trace);
        ffn_block(layer, i, b, trace);
    }
    write_logits({w.hc_head, w.norm, w.head}, b);
    for (const SequenceChunk& chunk : batch)
        chunk.kv->advance(static_cast<int64_t>(chunk.tokens.size()));
}

}  // namespace engine
