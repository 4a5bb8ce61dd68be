// v4-tiny against the stored float64 run: logits, argmax, and what every layer computed on the way.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "tests/engine/model_fixture.h"
#include "tests/support/synthetic_weights.h"

using namespace model_test;
using nlohmann::json;

namespace {

constexpr double kClose = 5e-4;

struct LayerTrace {
    std::vector<float> attn_out, ffn_out, streams, weights;
    std::vector<int32_t> entries, experts;
};

class Recorder final : public engine::ForwardTrace {
public:
    void on_attention(int64_t layer, int64_t token, std::span<const float> out,
                      std::span<const int32_t> entries) override {
        auto& trace = at[{token, layer}];
        trace.attn_out.assign(out.begin(), out.end());
        trace.entries.assign(entries.begin(), entries.end());
    }
    void on_ffn(int64_t layer, int64_t token, std::span<const float> out,
                std::span<const int32_t> experts, std::span<const float> weights,
                std::span<const float> streams) override {
        auto& trace = at[{token, layer}];
        trace.ffn_out.assign(out.begin(), out.end());
        trace.experts.assign(experts.begin(), experts.end());
        trace.weights.assign(weights.begin(), weights.end());
        trace.streams.assign(streams.begin(), streams.end());
    }
    std::map<std::pair<int64_t, int64_t>, LayerTrace> at;
};

void check_first(const json& stored, const float* actual) {
    for (size_t i = 0; i < stored.size(); ++i) {
        CHECK(actual[i] == Approx(stored[i].get<double>()).margin(kClose).epsilon(0));
    }
}

void check_experts(const json& stored, const LayerTrace& trace) {
    REQUIRE(trace.experts.size() == stored.size());
    for (size_t j = 0; j < trace.experts.size(); ++j) {
        const std::string id = std::to_string(trace.experts[j]);
        REQUIRE(stored.contains(id));
        CHECK(trace.weights[j] == Approx(stored[id].get<double>()).margin(1e-5).epsilon(0));
    }
}

void check_entries(const json& stored, const LayerTrace& trace) {
    auto expected = stored.get<std::vector<int32_t>>();
    std::sort(expected.begin(), expected.end());
    if (!trace.entries.empty()) {
        CHECK(trace.entries == expected);
        return;
    }
    // All that are visible: the stored list counts from 0 without a hole.
    for (size_t i = 0; i < expected.size(); ++i) CHECK(expected[i] == static_cast<int32_t>(i));
}

void check_layer(const json& stored, const LayerTrace& trace, size_t n_embd) {
    check_first(stored.at("attn_out_first4"), trace.attn_out.data());
    check_first(stored.at("ffn_out_first4"), trace.ffn_out.data());
    check_first(stored.at("stream0_first4"), trace.streams.data());
    check_first(stored.at("stream3_first4"), trace.streams.data() + 3 * n_embd);
    double squares = 0;
    for (const float x : trace.streams) squares += static_cast<double>(x) * static_cast<double>(x);
    CHECK(std::sqrt(squares) == Approx(stored.at("streams_l2").get<double>()).epsilon(1e-4));
    check_experts(stored.at("experts"), trace);
    if (stored.contains("csa_selected")) check_entries(stored["csa_selected"], trace);
}

}  // namespace

TEST_CASE("golden: the weights are those of the stored run", "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto config = config_of(read_json("v4-tiny.config.json"));
    const auto source = support::synthetic_tensors(
        config, {.prefix = golden.stored.at("name_prefix"), .with_mtp = true});
    size_t n_checked = 0;
    for (const auto& tensor : source->tensors()) {
        const auto stored = golden.stored.at("weights_check").find(tensor.name);
        if (stored == golden.stored.at("weights_check").end()) continue;
        const auto* values = reinterpret_cast<const float*>(tensor.bytes.data());
        for (size_t i = 0; i < 3; ++i) CHECK(values[i] == (*stored)[i].get<float>());
        ++n_checked;
    }
    CHECK(n_checked == golden.stored.at("weights_check").size());
    const uint64_t hash = support::fnv1a("s44/tokens");
    for (size_t i = 0; i < golden.tokens.size(); ++i) {
        CHECK(static_cast<int32_t>(support::synthetic_bits(hash, i) % 512) == golden.tokens[i]);
    }
}

TEST_CASE("golden: logits and traces of v4-tiny", "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto config = config_of(read_json("v4-tiny.config.json"));
    const auto model = synthetic_model(config, golden.stored.at("name_prefix"));
    const auto n = static_cast<int64_t>(golden.tokens.size());
    for (const auto isa : {engine::kernels::best_isa(), engine::kernels::Isa::portable}) {
        Runner runner(*model, 2, n, n, isa);
        Recorder recorder;
        const auto logits = runner.run_whole(golden.tokens, &recorder);
        check_logits(golden, logits, config.n_vocab);
        size_t n_layers = 0;
        for (const auto& [pos, layers] : golden.stored.at("trace").items()) {
            for (const auto& [layer, stored] : layers.items()) {
                INFO("position " << pos << " layer " << layer);
                check_layer(stored, recorder.at.at({std::stol(pos), std::stol(layer)}),
                            static_cast<size_t>(config.n_embd));
                ++n_layers;
            }
        }
        CHECK(n_layers == 5 * 8);
    }
}
