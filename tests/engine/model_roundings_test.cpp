// The official roundings on the way through the model.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/model/buffers.h"
#include "tests/engine/model_fixture.h"
#include "tests/support/synthetic_weights.h"

using namespace engine;
using namespace model_test;

namespace {

std::unique_ptr<Model> tiny(const ModelConfig& config, Roundings roundings) {
    ModelOptions options;
    options.roundings = roundings;
    auto model =
        Model::from_source(config, support::synthetic_tensors(config, {.prefix = "s44/"}), options);
    INFO((model ? "" : model.error().detail));
    REQUIRE(model);
    return std::move(*model);
}

std::vector<float> expanded(const CompressedRows& rows, int64_t i) {
    std::vector<float> row(static_cast<size_t>(rows.shape.width));
    kernels::expand_row(kernels::kRowOpsPortable, rows.shape, rows.row(i), row.data());
    return row;
}

std::vector<float> copy_of(const float* x, int64_t n) {
    return {x, x + n};
}

}  // namespace

TEST_CASE("roundings: what the cache holds is what its formats can hold", "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto config = config_of(read_json("v4-tiny.config.json"));
    const auto model = tiny(config, Roundings::official);
    const auto n = static_cast<int64_t>(golden.tokens.size());
    Runner runner(*model, 2, n, n);
    runner.run_whole(golden.tokens);
    for (int64_t i = 0; i < config.n_layers; ++i) {
        INFO("layer " << i);
        const LayerConfig& shape = config.layers[static_cast<size_t>(i)];
        LayerKv& kv = runner.kv.layer(i);
        const auto still = [&](const float* row) {
            auto rounded = copy_of(row, config.head_dim);
            round_kv_row(config, rounded.data());
            CHECK(rounded == copy_of(row, config.head_dim));
        };
        for (int64_t back = 0; back < config.n_window; ++back) still(kv.window.row(back));
        if (shape.attention == AttentionKind::sliding) continue;
        for (int64_t e = 0; e < n / shape.compress_ratio; ++e) {
            still(expanded(kv.entries, e).data());
        }
        if (shape.attention != AttentionKind::csa) continue;
        const int64_t width = config.indexer.head_dim;
        for (int64_t e = 0; e < n / shape.compress_ratio; ++e) {
            const auto key = expanded(kv.indexer_keys, e);
            auto rounded = key;
            kernels::round_fp4(rounded.data(), width);
            CHECK(rounded == key);
        }
    }
}

TEST_CASE("roundings: off by default, and on they cost what they are known to cost",
          "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto config = config_of(read_json("v4-tiny.config.json"));
    CHECK(ModelOptions().roundings == Roundings::none);
    const auto n = static_cast<int64_t>(golden.tokens.size());
    const auto plain_model = tiny(config, Roundings::none);
    const auto model = tiny(config, Roundings::official);
    const auto plain = Runner(*plain_model, 2, n, n).run_whole(golden.tokens);
    const auto rounded = Runner(*model, 2, n, n).run_whole(golden.tokens);
    double squares = 0;
    for (size_t i = 0; i < plain.size(); ++i) {
        REQUIRE(std::isfinite(rounded[i]));
        const double gap = static_cast<double>(rounded[i]) - static_cast<double>(plain[i]);
        squares += gap * gap;
    }
    // FP8 KV alone strays by 0.37 of the logits' deviation of 1.49, the FP4 indexer by 0.30; a
    // wrong formula strays by about 1.
    const double rms = std::sqrt(squares / static_cast<double>(plain.size())) / 1.49;
    CHECK(rms > 0.05);
    CHECK(rms < 0.7);
}

TEST_CASE("roundings: the same bits in any chunking", "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto config = config_of(read_json("v4-tiny.config.json"));
    const auto model = tiny(config, Roundings::official);
    const auto n = static_cast<int64_t>(golden.tokens.size());
    Runner runner(*model, 2, n, n);
    const auto whole = runner.run_whole(golden.tokens);
    for (const int64_t step : {1, 37, 130}) {
        runner.kv.reset();
        std::vector<int64_t> chunks;
        for (int64_t left = n; left > 0; left -= step) chunks.push_back(std::min(step, left));
        CHECK(runner.run(golden.tokens, chunks) == whole);
    }
}

TEST_CASE("roundings: an indexer width without a Hadamard transform is refused",
          "[engine][model]") {
    auto config = config_of(read_json("v4-tiny.config.json"));
    config.indexer.head_dim = 96;
    ModelOptions options;
    options.roundings = Roundings::official;
    const auto model =
        Model::from_source(config, support::synthetic_tensors(config, {.prefix = "x/"}), options);
    REQUIRE_FALSE(model);
    CHECK(model.error().code == Errc::unsupported);
    CHECK_THAT(model.error().detail, Catch::Contains("index_head_dim: 96"));
}
