// The whole model against stored logits of the reference implementation.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "engine/kernels/dequantise.h"
#include "tests/engine/model_fixture.h"

using namespace model_test;

namespace {

constexpr int64_t kRoom = 32;  // positions behind the prompt, for greedy tokens

std::span<const float> last_row(const std::vector<float>& logits, int64_t n_vocab) {
    return std::span(logits).last(static_cast<size_t>(n_vocab));
}

// Norm of all streams after each layer, by token.
class StreamNorms final : public engine::ForwardTrace {
public:
    void on_attention(int64_t, int64_t, std::span<const float>, std::span<const int32_t>) override {
    }
    void on_ffn(int64_t, int64_t token, std::span<const float>, std::span<const int32_t>,
                std::span<const float>, std::span<const float> streams) override {
        double squares = 0;
        for (const float x : streams) squares += static_cast<double>(x) * static_cast<double>(x);
        norms[token].push_back(std::sqrt(squares));
    }
    std::map<int64_t, std::vector<double>> norms;
};

void check_stream_norms(const Fixture& fixture, const StreamNorms& trace) {
    for (const auto& [pos, stored] : fixture.stored.at("streams_l2_after_each_layer").items()) {
        const auto& norms = trace.norms.at(std::stol(pos));
        REQUIRE(norms.size() == stored.size());
        for (size_t layer = 0; layer < norms.size(); ++layer) {
            INFO("position " << pos << " layer " << layer);
            CHECK(norms[layer] == Approx(stored[layer].get<double>()).epsilon(1e-4));
        }
    }
}

void check_checkpoint(const std::string& name, const engine::ModelOptions& options) {
    const Fixture fixture = read_fixture(name + "/expected.json");
    const auto model = engine::Model::load(fixture_path(name), options);
    INFO((model ? "" : model.error().detail));
    REQUIRE(model);
    const auto n = static_cast<int64_t>(fixture.tokens.size());
    Runner runner(**model, 2, n, n + kRoom);
    const auto logits = runner.run_whole(fixture.tokens);
    check_logits(fixture, logits, (*model)->config().n_vocab);
    check_greedy(fixture, runner, last_row(logits, (*model)->config().n_vocab));
}

}  // namespace

TEST_CASE("model: fixtures of eight shapes, on every instruction set", "[engine][model]") {
    const std::string name = GENERATE("v4-fx01", "v4-fx02", "v4-fx03", "v4-fx04", "v4-fx05",
                                      "v4-fx06", "v4-fx07", "v4-fx08");
    INFO(name);
    const Fixture fixture = read_fixture(name + ".json");
    const auto model = model_of(fixture);
    const auto n = static_cast<int64_t>(fixture.tokens.size());
    for (const auto isa : {engine::kernels::best_isa(), engine::kernels::Isa::portable}) {
        INFO(engine::kernels::to_string(isa));
        Runner runner(*model, 2, n, n + kRoom, isa);
        StreamNorms trace;
        const auto logits = runner.run_whole(fixture.tokens, &trace);
        check_logits(fixture, logits, model->config().n_vocab);
        check_stream_norms(fixture, trace);
        check_greedy(fixture, runner, last_row(logits, model->config().n_vocab));
    }
}

TEST_CASE("model: checkpoints under official and transformers' names", "[engine][model]") {
    check_checkpoint("official-layout", engine::Dtype::f32);
    check_checkpoint("hf-saved", engine::Dtype::f32);
    check_checkpoint("hf-saved-plain", engine::Dtype::f32);
    // The stored numbers are bfloat16, so that type loses nothing.
    check_checkpoint("official-layout", engine::Dtype::bf16);
    check_checkpoint("hf-saved", engine::Dtype::bf16);
}

TEST_CASE("model: checkpoints as they are stored", "[engine][model]") {
    for (const char* name :
         {"official-layout", "hf-saved", "hf-saved-plain", "official-quantised"}) {
        INFO(name);
        check_checkpoint(name, {});
    }
}

TEST_CASE("model: the numbers of FP8 and FP4 matrices, and nothing copied but their scales",
          "[engine][model]") {
    const Fixture fixture = read_fixture("official-quantised/expected.json");
    const auto loaded = engine::Model::load(fixture_path("official-quantised"), {});
    REQUIRE(loaded);
    const engine::ModelWeights& w = (*loaded)->weights();
    const std::map<std::string, engine::Matrix> matrices = {
        {"layers.0.attn.wq_a.weight", w.layers[0].attn.wq_a},
        {"layers.1.attn.indexer.wq_b.weight", w.layers[1].attn.indexer.wq_b},
        {"layers.0.ffn.experts.3.w2.weight", w.layers[0].ffn.experts[3].w2},
        {"layers.2.ffn.experts.0.w1.weight", w.layers[2].ffn.experts[0].w1},
        {"layers.1.attn.compressor.wkv.weight", w.layers[1].attn.compressor.wkv},
    };
    for (const auto& [name, stored] : fixture.stored.at("dequantised_check").items()) {
        const auto found = matrices.find(name);
        REQUIRE(found != matrices.end());
        std::vector<float> row(static_cast<size_t>(found->second.cols));
        engine::kernels::dequantise(found->second, 0, 0, found->second.cols, row.data());
        for (size_t i = 0; i < 8; ++i) CHECK(row[i] == stored[i].get<float>());
    }
    CHECK(w.layers[0].ffn.experts[3].w2.dtype == engine::Dtype::fp4);
    CHECK((*loaded)->converted_bytes() < 32 << 10);  // vectors, the table of ids, FP8 scales
}
