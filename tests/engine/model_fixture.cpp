#include "tests/engine/model_fixture.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "tests/support/synthetic_weights.h"

namespace model_test {

using engine::Dtype;
using nlohmann::json;

std::string fixture_path(const std::string& name) {
    return std::string(WEIR_SOURCE_DIR) + "/tests/engine/fixtures/" + name;
}

json read_json(const std::string& name) {
    std::ifstream in(fixture_path(name));
    REQUIRE(in);
    return json::parse(in);
}

Fixture read_fixture(const std::string& name) {
    Fixture fixture;
    fixture.stored = read_json(name);
    fixture.tokens = fixture.stored.at("tokens").get<std::vector<int32_t>>();
    return fixture;
}

engine::ModelConfig config_of(const json& config) {
    const auto parsed = engine::parse_model_config(config.dump());
    INFO((parsed ? "" : parsed.error().detail));
    REQUIRE(parsed);
    return *parsed;
}

std::unique_ptr<engine::Model> synthetic_model(const engine::ModelConfig& config,
                                               const std::string& prefix,
                                               const engine::ModelOptions& options) {
    const bool f32 = options.convert_to == Dtype::f32;
    const auto type = f32 ? engine::TensorType::f32 : engine::TensorType::bf16;
    auto model = engine::Model::from_source(
        config, support::synthetic_tensors(config, {prefix, type}), options);
    INFO((model ? "" : model.error().detail));
    REQUIRE(model);
    return std::move(*model);
}

engine::ModelOptions fast_options() {
    engine::ModelOptions options(Dtype::bf16);
    options.numerics = engine::Numerics::fast;
    return options;
}

std::unique_ptr<engine::Model> model_of(const Fixture& fixture, Dtype dtype) {
    return synthetic_model(config_of(fixture.stored.at("config")), fixture.stored.at("name_prefix"),
                           dtype);
}

Runner::Runner(const engine::Model& m, int n_threads, int64_t n_tokens_max, int64_t n_ctx,
               engine::kernels::Isa isa, engine::KvFormat format)
    : model(m),
      pool(n_threads),
      workspace(m, pool, {n_tokens_max, n_ctx, isa}),
      kv(m.config(), n_ctx, format) {}

std::vector<float> Runner::run(std::span<const int32_t> tokens, std::span<const int64_t> chunks,
                               engine::ForwardTrace* trace) {
    const int64_t n_vocab = model.config().n_vocab;
    std::vector<float> logits(tokens.size() * static_cast<size_t>(n_vocab), NAN);
    int64_t begin = 0;
    for (const int64_t n : chunks) {
        const engine::SequenceChunk chunk{
            &kv, tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(n)),
            engine::LogitsWanted::all, logits.data() + begin * n_vocab};
        engine::forward(model, workspace, {&chunk, 1}, trace);
        begin += n;
    }
    REQUIRE(begin == static_cast<int64_t>(tokens.size()));
    return logits;
}

std::vector<float> Runner::run_whole(std::span<const int32_t> tokens, engine::ForwardTrace* trace) {
    const int64_t n = static_cast<int64_t>(tokens.size());
    return run(tokens, {&n, 1}, trace);
}

int32_t argmax(std::span<const float> logits) {
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

namespace {

constexpr double kLogit = 5e-4;
constexpr double kL2 = 2e-3;
constexpr double kSum = 1e-2;

}  // namespace

void check_position(const json& stored, std::span<const float> logits) {
    for (size_t i = 0; i < 8; ++i) {
        CHECK(logits[i] == Approx(stored.at("first8")[i].get<double>()).margin(kLogit).epsilon(0));
    }
    double sum = 0;
    double squares = 0;
    for (const float x : logits) {
        sum += static_cast<double>(x);
        squares += static_cast<double>(x) * static_cast<double>(x);
    }
    CHECK(sum == Approx(stored.at("sum").get<double>()).margin(kSum).epsilon(0));
    CHECK(std::sqrt(squares) == Approx(stored.at("l2").get<double>()).margin(kL2).epsilon(0));
    for (const auto& top : stored.at("top5")) {
        CHECK(logits[top[0].get<size_t>()] ==
              Approx(top[1].get<double>()).margin(kLogit).epsilon(0));
    }
}

void check_logits(const Fixture& fixture, std::span<const float> logits, int64_t n_vocab) {
    const auto width = static_cast<size_t>(n_vocab);
    const auto at = [&](size_t pos) { return logits.subspan(pos * width, width); };
    for (const auto& [pos, stored] : fixture.stored.at("logits").items()) {
        INFO("position " << pos);
        check_position(stored, at(std::stoul(pos)));
    }
    std::set<size_t> close;
    if (fixture.stored.contains("argmax_close")) {
        for (const auto& entry : fixture.stored["argmax_close"])
            close.insert(entry[0].get<size_t>());
    }
    for (size_t pos = 0; pos < fixture.tokens.size(); ++pos) {
        INFO("position " << pos);
        CHECK(at(pos)[0] ==
              Approx(fixture.stored.at("logit0")[pos].get<double>()).margin(kLogit).epsilon(0));
        if (!close.contains(pos))
            CHECK(argmax(at(pos)) == fixture.stored.at("argmax")[pos].get<int32_t>());
    }
}

void check_greedy(const Fixture& fixture, Runner& runner, std::span<const float> last_logits) {
    std::vector<float> logits(last_logits.begin(), last_logits.end());
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < fixture.stored.at("greedy").at("tokens").size(); ++i) {
        tokens.push_back(argmax(logits));
        const engine::SequenceChunk chunk{
            &runner.kv, {&tokens.back(), 1}, engine::LogitsWanted::last, logits.data()};
        engine::forward(runner.model, runner.workspace, {&chunk, 1});
    }
    CHECK(tokens == fixture.stored["greedy"]["tokens"].get<std::vector<int32_t>>());
}

}  // namespace model_test
