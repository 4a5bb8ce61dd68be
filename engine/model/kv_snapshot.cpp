#include "engine/model/kv_snapshot.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "config/ensure.h"
#include "engine/kernels/ops.h"

namespace engine {
namespace {

constexpr int64_t kBlockTokensMin = 128;

// Where tails go to or come from: each is told of the same parts in the same order.
struct Counter {
    int64_t n = 0;

    void floats(const float*, int64_t count) { n += count * static_cast<int64_t>(sizeof(float)); }
    void window(const kernels::Window&, const kernels::RowShape& shape, int64_t n_rows) {
        n += n_rows * shape.bytes();
    }
};

struct Writer {
    std::span<std::byte> to;

    std::byte* take(int64_t bytes) {
        std::byte* at = to.data();
        to = to.subspan(static_cast<size_t>(bytes));
        return at;
    }
    void floats(const float* from, int64_t count) {
        const auto bytes = static_cast<size_t>(count) * sizeof(float);
        std::memcpy(take(static_cast<int64_t>(bytes)), from, bytes);
    }
    void window(const kernels::Window& window, const kernels::RowShape& shape, int64_t n_rows) {
        for (int64_t back = n_rows - 1; back >= 0; --back) {
            kernels::store_row(shape, window.row(back), take(shape.bytes()));
        }
    }
};

struct Reader {
    std::span<const std::byte> from;

    const std::byte* take(int64_t bytes) {
        const std::byte* at = from.data();
        from = from.subspan(static_cast<size_t>(bytes));
        return at;
    }
    void floats(float* to, int64_t count) {
        const auto bytes = static_cast<size_t>(count) * sizeof(float);
        std::memcpy(to, take(static_cast<int64_t>(bytes)), bytes);
    }
    void window(kernels::Window& window, const kernels::RowShape& shape, int64_t n_rows) {
        const kernels::RowOps& ops = *kernels::ops(kernels::best_isa()).rows;
        window.reset();
        for (int64_t i = 0; i < n_rows; ++i) {
            kernels::expand_row(ops, shape, take(shape.bytes()), window.append(1));
        }
    }
};

// What a compressor will still read: all of the open window's tokens, and with overlap the lower
// halves of the one before it.
template <class State, class Part>
void visit_state(State& state, int64_t n_tokens, Part& part) {
    const kernels::CompressorShape& shape = state.shape;
    if (shape.ratio == 0) return;
    const int64_t width = shape.token_width();
    const int64_t open = n_tokens / shape.ratio * shape.ratio;
    const bool overlaps = shape.overlap == kernels::Overlap::previous_window;
    const int64_t first = overlaps ? std::max<int64_t>(open - shape.ratio, 0) : open;
    for (int64_t t = first; t < n_tokens; ++t) {
        const int64_t slot = t % shape.n_kept() * width;
        const int64_t n = t < open ? shape.width : width;
        part.floats(state.values.get() + slot, n);
        part.floats(state.gates.get() + slot, n);
    }
}

template <class Kv, class Part>
void visit_tail(Kv& kv, int64_t n_tokens, Part& part) {
    for (int64_t i = 0; i < kv.n_layers(); ++i) {
        auto& layer = kv.layer(i);
        part.window(layer.window, kv.row_shape(), std::min(layer.window.n_window() - 1, n_tokens));
        visit_state(layer.entries.state, n_tokens, part);
        visit_state(layer.indexer_keys.state, n_tokens, part);
    }
}

// body(rows, first, n): rows [first, first + n) of each of a sequence's arrays.
template <class Kv, class Body>
void visit_rows(Kv& kv, TokenRange tokens, const Body& body) {
    for (int64_t i = 0; i < kv.n_layers(); ++i) {
        auto& layer = kv.layer(i);
        for (auto* rows : {&layer.entries, &layer.indexer_keys}) {
            if (rows->n_rows_max == 0) continue;
            const int64_t first = tokens.begin / rows->state.shape.ratio;
            body(*rows, first, tokens.end / rows->state.shape.ratio - first);
        }
    }
}

}  // namespace

int64_t kv_block_tokens(const ModelConfig& config) {
    int64_t multiple = 1;
    for (const LayerConfig& layer : config.layers) {
        if (layer.compress_ratio > 0) multiple = std::lcm(multiple, layer.compress_ratio);
    }
    return (kBlockTokensMin + multiple - 1) / multiple * multiple;
}

int64_t tail_bytes(const KvState& kv) {
    Counter counter;
    visit_tail(kv, kv.n_tokens(), counter);
    return counter.n;
}

void save_tail(const KvState& kv, std::span<std::byte> to) {
    Writer writer{to};
    visit_tail(kv, kv.n_tokens(), writer);
    ENSURE(writer.to.empty());
}

void load_tail(KvState& kv, int64_t n_tokens, std::span<const std::byte> from) {
    ENSURE(kv.n_tokens() == 0 && n_tokens <= kv.n_ctx());
    Reader reader{from};
    visit_tail(kv, n_tokens, reader);
    ENSURE(reader.from.empty());
    kv.advance(n_tokens);
}

int64_t rows_bytes(const KvState& kv, TokenRange tokens) {
    int64_t total = 0;
    visit_rows(kv, tokens, [&](const CompressedRows& rows, int64_t, int64_t n) {
        total += n * rows.shape.bytes();
    });
    return total;
}

void save_rows(const KvState& kv, TokenRange tokens, std::span<std::byte> to) {
    ENSURE(tokens.end <= kv.n_tokens());
    Writer writer{to};
    visit_rows(kv, tokens, [&](const CompressedRows& rows, int64_t first, int64_t n) {
        const int64_t bytes = n * rows.shape.bytes();
        if (bytes > 0) std::memcpy(writer.take(bytes), rows.row(first), static_cast<size_t>(bytes));
    });
    ENSURE(writer.to.empty());
}

void load_rows(KvState& kv, TokenRange tokens, std::span<const std::byte> from) {
    ENSURE(tokens.end <= kv.n_ctx());
    Reader reader{from};
    visit_rows(kv, tokens, [&](const CompressedRows& rows, int64_t first, int64_t n) {
        const int64_t bytes = n * rows.shape.bytes();
        if (bytes > 0) std::memcpy(rows.row(first), reader.take(bytes), static_cast<size_t>(bytes));
    });
    ENSURE(reader.from.empty());
}

KvSnapshot::KvSnapshot(const KvState& kv)
    : n_tokens_(kv.n_tokens()),
      tail_(static_cast<size_t>(tail_bytes(kv))),
      rows_(static_cast<size_t>(rows_bytes(kv, {0, kv.n_tokens()}))) {
    save_tail(kv, tail_);
    save_rows(kv, {0, n_tokens_}, rows_);
}

void KvSnapshot::restore(KvState& kv) const {
    load_tail(kv, n_tokens_, tail_);
    load_rows(kv, {0, n_tokens_}, rows_);
}

}  // namespace engine
