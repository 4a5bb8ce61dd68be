#include "engine/measure/attention_rates.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/indexer.h"
#include "engine/kernels/sparse_attention.h"
#include "engine/measure/probes.h"
#include "engine/measure/synthetic_kv.h"
#include "engine/model/buffers.h"

namespace engine {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kRowsMax = 8192;
constexpr int64_t kKeysMax = 16384;
constexpr double kBytesMax = 1 << 30;
constexpr double kSeconds = 0.05;

Floats noise(int64_t n, uint64_t seed) {
    Floats numbers(static_cast<size_t>(n));
    fill_with_noise(numbers, seed);
    return numbers;
}

// Rows of one shape, one behind the other.
class StoredNoise {
public:
    StoredNoise(const kernels::RowShape& shape, int64_t n)
        : shape_(shape), words_(static_cast<size_t>(n * shape.bytes() / 4)) {
        constexpr int64_t kDistinct = 61;
        for (int64_t i = 0; i < n; ++i) {
            const Floats row = noise(shape.width, static_cast<uint64_t>(i % kDistinct));
            kernels::store_row(shape, row.data(), data() + i * shape.bytes());
        }
    }
    kernels::StoredRows rows() { return {data(), shape_}; }

private:
    std::byte* data() { return reinterpret_cast<std::byte*>(words_.data()); }

    kernels::RowShape shape_;
    std::vector<uint32_t> words_;
};

// 10^9 operations a second of calls that do `n` each; the first one only warms up.
template <class Call>
double rate_of(double n, const Call& call) {
    call();
    const double begin = seconds_of_now();
    int64_t n_calls = 0;
    double seconds = 0;
    for (; seconds < kSeconds; seconds = seconds_of_now() - begin, ++n_calls) call();
    return n * static_cast<double>(n_calls) / seconds / 1e9;
}

struct Place {
    const ModelConfig& config;
    AttentionWay way;
    kernels::ThreadPool& pool;
    const kernels::Ops& ops;
};

// One token over its rows, cut into items as forward() cuts it.
class AttentionOfOne {
public:
    AttentionOfOne(const Place& at, const RowsMeasured& n)
        : at_(at),
          c_(at.config),
          window_(noise(n.window * c_.head_dim, 1)),
          entries_(kv_row_shape(c_, at.way.kv), n.entries),
          q_(noise(c_.n_heads * c_.head_dim, 2)),
          sink_(static_cast<size_t>(c_.n_heads)),
          out_(q_.size()) {
        for (int64_t i = 0; i < n.window; ++i) plain_.push_back(window_.data() + i * c_.head_dim);
        for (int64_t i = 0; i < n.entries; ++i) {
            const std::byte* row = entries_.rows().row(i);
            if (at.way.kv == KvFormat::f32) {
                plain_.push_back(reinterpret_cast<const float*>(row));
            } else {
                stored_.push_back(row);
            }
        }
        n_scores_ = kAttentionHeads * n_rows();
        const int64_t n_scratch = n_scores_ + kernels::kAttentionBlock * c_.head_dim;
        scratch_.assign(static_cast<size_t>(at.pool.n_threads()),
                        Floats(static_cast<size_t>(n_scratch)));
    }

    int64_t n_rows() const { return static_cast<int64_t>(plain_.size() + stored_.size()); }
    void run() {
        const int64_t n_items = (c_.n_heads + kAttentionHeads - 1) / kAttentionHeads;
        at_.pool.run(n_items, [this](int64_t item, int thread) {
            attend(item * kAttentionHeads, scratch_[static_cast<size_t>(thread)].data());
        });
    }

private:
    void attend(int64_t head, float* scratch) {
        kernels::SparseAttention in;
        in.q = q_.data() + head * c_.head_dim;
        in.n_heads = std::min(kAttentionHeads, c_.n_heads - head);
        in.head_dim = c_.head_dim;
        in.rows = plain_.data();
        in.n_rows = static_cast<int64_t>(plain_.size());
        in.stored = stored_.data();
        in.n_stored = static_cast<int64_t>(stored_.size());
        in.shape = entries_.rows().shape;
        in.sink = sink_.data() + head;
        in.scale = 1 / std::sqrt(static_cast<float>(c_.head_dim));
        kernels::sparse_attention(at_.ops, in, {scratch, scratch + n_scores_},
                                  out_.data() + head * c_.head_dim);
    }

    const Place& at_;
    const ModelConfig& c_;
    const Floats window_;
    StoredNoise entries_;
    const Floats q_, sink_;
    Floats out_;
    std::vector<const float*> plain_;
    std::vector<const std::byte*> stored_;
    int64_t n_scores_ = 0;
    std::vector<Floats> scratch_;
};

double attention_rate(const Place& at, const RowsMeasured& n) {
    AttentionOfOne token(at, n);
    const int64_t row = 4 * at.config.n_heads * at.config.head_dim;
    return rate_of(static_cast<double>(row * token.n_rows()), [&token] { token.run(); });
}

double indexer_rate(const Place& at, int64_t n_keys) {
    const IndexerConfig& indexer = at.config.indexer;
    StoredNoise keys(indexer_key_shape(at.config, at.way.kv), n_keys);
    const Floats q = noise(indexer.n_heads * indexer.head_dim, 3);
    const Floats weights = noise(indexer.n_heads, 4);
    Floats scores(static_cast<size_t>(n_keys));
    const auto n_scratch =
        static_cast<size_t>(kernels::indexer_scratch(indexer.n_heads, indexer.head_dim));
    std::vector<Floats> scratch(static_cast<size_t>(at.pool.n_threads()), Floats(n_scratch));
    const kernels::Indexer in{q.data(), weights.data(), keys.rows(), indexer.n_heads};
    std::vector<uint32_t> pairs(
        static_cast<size_t>(kernels::index_panel_pairs(indexer.n_heads, indexer.head_dim)));
    const kernels::IndexPanel panel{pairs.data(), weights.data(), indexer.n_heads,
                                    indexer.head_dim};
    const bool by_panel = at.way.numerics == Numerics::fast && at.way.kv != KvFormat::f32 &&
                          at.ops.index_scores != nullptr && indexer.head_dim % 2 == 0;
    const int64_t n_items = (n_keys + kIndexKeysPerItem - 1) / kIndexKeysPerItem;
    const auto one_token = [&] {
        if (by_panel) {
            kernels::pack_index_panel(q.data(), indexer.n_heads, indexer.head_dim, pairs.data());
        }
        at.pool.run(n_items, [&](int64_t item, int thread) {
            const int64_t begin = item * kIndexKeysPerItem;
            const int64_t end = std::min(begin + kIndexKeysPerItem, n_keys);
            float* own = scratch[static_cast<size_t>(thread)].data();
            if (by_panel) {
                kernels::indexer_scores(at.ops, panel, in.keys, begin, end, own, scores.data());
            } else {
                kernels::indexer_scores(at.ops, in, begin, end, own, scores.data());
            }
        });
    };
    return rate_of(2 * static_cast<double>(indexer.n_heads * indexer.head_dim * n_keys), one_token);
}

double bytes_needed(const ModelConfig& c, const RowsMeasured& n, int n_threads) {
    const auto width = static_cast<double>(c.head_dim);
    const auto key = static_cast<double>(c.indexer.head_dim + c.indexer.n_heads);
    const auto rows = static_cast<double>(n.window + n.entries);
    const double scratch = 8 * rows + 64 * width + 64 * key;
    return 4 * (width * (rows + 2 * static_cast<double>(c.n_heads)) +
                key * static_cast<double>(n.keys) + n_threads * scratch);
}

}  // namespace

std::optional<AttentionRates> measure_attention(const ModelConfig& config, const AttentionWay& way,
                                                const RowsMeasured& rows, kernels::ThreadPool& pool,
                                                kernels::Isa isa) {
    const RowsMeasured n{rows.window, std::min(rows.entries, kRowsMax),
                         std::min(rows.keys, kKeysMax)};
    if (bytes_needed(config, n, pool.n_threads()) > kBytesMax) return std::nullopt;
    const Place at{config, way, pool, kernels::ops(isa)};
    return AttentionRates{attention_rate(at, n), indexer_rate(at, n.keys)};
}

}  // namespace engine
