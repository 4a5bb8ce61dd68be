// Far into a long context, on the bench shape xs: the kernels of each instruction set against the
// plain ones, on the same KV.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "engine/model/kv_snapshot.h"
#include "tests/bench/bench_model.h"
#include "tests/engine/model_fixture.h"

using namespace engine;
using namespace model_test;

namespace {

std::unique_ptr<Model> xs_model(const ModelOptions& options) {
    const ModelConfig config = bench::shape_config("xs");
    auto model = Model::from_source(config, bench::shape_tensors(config), options);
    REQUIRE(model);
    return std::move(*model);
}

std::vector<int32_t> random_tokens(std::mt19937& random, int64_t n, int64_t n_vocab) {
    std::vector<int32_t> tokens(static_cast<size_t>(n));
    for (auto& token : tokens) {
        token = static_cast<int32_t>(random() % static_cast<uint64_t>(n_vocab));
    }
    return tokens;
}

// The rows that the layers with an indexer chose for one token.
class Chosen final : public ForwardTrace {
public:
    void on_attention(int64_t, int64_t, std::span<const float>,
                      std::span<const int32_t> chosen) override {
        rows.emplace_back(chosen.begin(), chosen.end());
        std::sort(rows.back().begin(), rows.back().end());
    }
    void on_ffn(int64_t, int64_t, std::span<const float>, std::span<const int32_t>,
                std::span<const float>, std::span<const float>) override {}

    std::vector<std::vector<int32_t>> rows;
};

struct Step {
    std::vector<std::vector<int32_t>> chosen;
    std::vector<float> logits;
};

// One token after what the snapshot holds.
Step step_of(Runner& runner, const KvSnapshot& snapshot, int32_t token) {
    runner.kv.reset();
    snapshot.restore(runner.kv);
    Chosen chosen;
    auto logits = runner.run_whole({&token, 1}, &chosen);
    return {std::move(chosen.rows), std::move(logits)};
}

void check_against_plain(const Model& model, KvFormat format, int64_t n_positions, int n_samples) {
    std::mt19937 random(65);
    const auto tokens = random_tokens(random, n_positions, model.config().n_vocab);
    const kernels::Isa isa = kernels::best_isa();
    Runner whole(model, 2, 512, n_positions, isa, format);
    Runner fast(model, 2, 1, n_positions, isa, format);
    Runner plain(model, 2, 1, n_positions, kernels::Isa::portable, format);
    std::vector<int64_t> at;
    for (int i = 0; i < n_samples; ++i) {
        at.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(n_positions)));
    }
    std::sort(at.begin(), at.end());
    size_t n_chosen = 0;
    for (const int64_t position : at) {
        while (whole.kv.n_tokens() < position) {
            const int64_t n = std::min<int64_t>(512, position - whole.kv.n_tokens());
            const SequenceChunk chunk{
                &whole.kv,
                std::span(tokens).subspan(static_cast<size_t>(whole.kv.n_tokens()),
                                          static_cast<size_t>(n)),
                LogitsWanted::none, nullptr};
            forward(model, whole.workspace, {&chunk, 1});
        }
        const KvSnapshot snapshot(whole.kv);
        const int32_t token = tokens[static_cast<size_t>(position)];
        const Step a = step_of(fast, snapshot, token);
        const Step b = step_of(plain, snapshot, token);
        CAPTURE(position);
        CHECK(a.chosen == b.chosen);
        for (const auto& rows : a.chosen) n_chosen += rows.size();
        double gap = 0;
        for (size_t i = 0; i < a.logits.size(); ++i) {
            gap = std::max(gap, std::abs(static_cast<double>(a.logits[i] - b.logits[i])));
        }
        CHECK(gap < 5e-4);
    }
    CHECK(n_chosen > 0);
}

}  // namespace

TEST_CASE("long context: chosen rows and logits equal the plain kernels'", "[engine][model]") {
    check_against_plain(*xs_model(ModelOptions()), KvFormat::f32, 1'500, 3);
}

TEST_CASE("long context: 100 positions of 65,536", "[engine][model][.slow]") {
    check_against_plain(*xs_model(ModelOptions()), KvFormat::f32, 65'536, 100);
}

TEST_CASE("long context: xs decodes at 2^20 over synthetic KV", "[engine][model][.slow]") {
    constexpr int64_t kContext = 1 << 20;
    constexpr int64_t kDecoded = 8;
    const auto model = xs_model(fast_options());
    const ModelConfig& config = model->config();
    std::mt19937 random(20);
    std::normal_distribution<float> normal;
    Runner runner(*model, 2, 1, kContext, kernels::best_isa(), KvFormat::official);
    std::vector<float> row(static_cast<size_t>(std::max(config.head_dim, config.indexer.head_dim)));
    for (int64_t i = 0; i < runner.kv.n_layers(); ++i) {
        LayerKv& layer = runner.kv.layer(i);
        for (CompressedRows* rows : {&layer.entries, &layer.indexer_keys}) {
            for (int64_t r = 0; r < rows->n_rows_max - kDecoded; ++r) {
                for (float& x : row) x = normal(random);
                kernels::store_row(rows->shape, row.data(), rows->row(r));
            }
        }
    }
    runner.kv.advance(kContext - kDecoded);
    const auto tokens = random_tokens(random, kDecoded, config.n_vocab);
    Chosen chosen;
    for (const int32_t token : tokens) {
        const auto logits = runner.run_whole({&token, 1}, &chosen);
        for (const float logit : logits) REQUIRE(std::isfinite(logit));
    }
    CHECK(runner.kv.n_tokens() == kContext);
    int32_t farthest = 0;
    for (const auto& rows : chosen.rows) {
        if (!rows.empty()) farthest = std::max(farthest, rows.back());
    }
    CHECK(farthest > kContext / 4 - 1'000);  // rows of the whole context take part
}
