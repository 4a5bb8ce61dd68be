#pragma once
// Stored logits of reference runs, and a model to hold against them.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/forward.h"

namespace model_test {

struct Fixture {
    nlohmann::json stored;
    std::vector<int32_t> tokens;
};

std::string fixture_path(const std::string& name);
nlohmann::json read_json(const std::string& name);
Fixture read_fixture(const std::string& name);

// The model a fixture names by its config and prefix.
std::unique_ptr<engine::Model> synthetic_model(
    const engine::ModelConfig& config, const std::string& prefix,
    const engine::ModelOptions& options = engine::Dtype::f32);
// bf16 tensors, or those of a quantised checkpoint, computed in fast mode.
engine::ModelOptions fast_options();
engine::ModelConfig config_of(const nlohmann::json& config);
std::unique_ptr<engine::Model> model_of(const Fixture& fixture,
                                        engine::Dtype dtype = engine::Dtype::f32);

// A model with pool, scratch and one sequence.
struct Runner {
    Runner(const engine::Model& model, int n_threads, int64_t n_tokens_max, int64_t n_ctx,
           engine::kernels::Isa isa = engine::kernels::best_isa(),
           engine::KvFormat format = engine::KvFormat::f32);

    // Logits of all tokens, [tokens, n_vocab], fed in one forward() per chunk length.
    std::vector<float> run(std::span<const int32_t> tokens, std::span<const int64_t> chunks,
                           engine::ForwardTrace* trace = nullptr);
    std::vector<float> run_whole(std::span<const int32_t> tokens,
                                 engine::ForwardTrace* trace = nullptr);

    const engine::Model& model;
    engine::kernels::ThreadPool pool;
    engine::Workspace workspace;
    engine::KvState kv;
};

// One stored position.
void check_position(const nlohmann::json& stored, std::span<const float> logits);
// Every stored position: first8, l2, sum, top5; argmax where it is not close; logit0.
void check_logits(const Fixture& fixture, std::span<const float> logits, int64_t n_vocab);
// 16 greedy tokens after the prompt that `runner` has taken.
void check_greedy(const Fixture& fixture, Runner& runner, std::span<const float> last_logits);

int32_t argmax(std::span<const float> logits);

}  // namespace model_test
