// What the fast mode costs in truth: its logits against the exact mode's.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "engine/model_tools.h"
#include "tests/engine/model_fixture.h"

using namespace model_test;

namespace {

std::vector<double> log_softmax(std::span<const float> logits) {
    const double top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    double sum = 0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x) - top);
    std::vector<double> result;
    for (const float x : logits) result.push_back(static_cast<double>(x) - top - std::log(sum));
    return result;
}

// The fast mode's logits against the exact mode's, over any number of positions.
class Agreement {
public:
    void add(std::span<const float> exact, std::span<const float> fast, size_t width) {
        for (size_t at = 0; at < exact.size(); at += width) {
            const auto p = log_softmax(exact.subspan(at, width));
            const auto q = log_softmax(fast.subspan(at, width));
            for (size_t i = 0; i < width; ++i) kl_sum_ += std::exp(p[i]) * (p[i] - q[i]);
            n_same_ += argmax(exact.subspan(at, width)) == argmax(fast.subspan(at, width));
            ++n_;
        }
    }
    double kl() const { return kl_sum_ / n_; }  // mean of KL(exact || fast), nats
    double top_1() const { return n_same_ / n_; }
    std::string text() const {
        return std::to_string(static_cast<int>(n_)) + " positions: KL " + std::to_string(kl()) +
               " nats, top-1 " + std::to_string(100 * top_1()) + " %";
    }

private:
    double kl_sum_ = 0;
    double n_same_ = 0;
    double n_ = 0;
};

// A prompt and what is said to it, greedily.
std::vector<int32_t> answered(Runner& runner, std::vector<int32_t> tokens, size_t n_most) {
    const auto width = static_cast<size_t>(runner.model.config().n_vocab);
    runner.kv.reset();
    auto logits = runner.run_whole(tokens);
    for (size_t n = 0; n < n_most; ++n) {
        const int32_t next = argmax(std::span(logits).last(width));
        tokens.push_back(next);
        if (next == runner.model.config().eos_token) break;
        logits = runner.run_whole({&next, 1});
    }
    return tokens;
}

// Of every n_th held-out question.
void check_answers(size_t n_th) {
    const auto dir = std::filesystem::path(WEIR_SOURCE_DIR) / "engine/demo/model";
    const auto exact = engine::Model::load(dir, engine::ModelOptions());
    const auto fast = engine::Model::load(dir, fast_options());
    REQUIRE(exact);
    REQUIRE(fast);
    constexpr int64_t kContext = 512;
    constexpr size_t kAnswer = 100;
    Runner a(**exact, 2, kContext, kContext);
    Runner b(**fast, 2, kContext, kContext);
    const auto width = static_cast<size_t>((*exact)->config().n_vocab);
    std::ifstream file(dir / "../heldout/questions.json");
    Agreement result;
    size_t n_read = 0;
    for (const auto& entry : nlohmann::json::parse(file)) {
        if (n_read++ % n_th != 0) continue;
        const engine::Conversation conversation{
            {{engine::Role::user, entry.at("question").get<std::string>()}}};
        const auto prompt =
            engine::render_prompt(dir, conversation, config::Encoding::v0731, config::Effort::low);
        REQUIRE(prompt);
        const auto tokens = answered(a, prompt->tokens, kAnswer);
        const size_t n_said = tokens.size() - prompt->tokens.size();
        for (Runner* runner : {&a, &b}) runner->kv.reset();
        const auto of_exact = a.run_whole(tokens);
        const auto of_fast = b.run_whole(tokens);
        result.add(std::span(of_exact).last((n_said + 1) * width).first(n_said * width),
                   std::span(of_fast).last((n_said + 1) * width).first(n_said * width), width);
    }
    INFO(result.text());
    CHECK(result.kl() > 0);
    CHECK(result.kl() < 0.01);
    CHECK(result.top_1() > 0.97);
}

}  // namespace

TEST_CASE("fast: logits of a quantised checkpoint stay close to the exact ones",
          "[engine][model]") {
    const auto dir = fixture_path("official-quantised");
    const auto exact = engine::Model::load(dir, engine::ModelOptions());
    const auto fast = engine::Model::load(dir, fast_options());
    REQUIRE(exact);
    REQUIRE(fast);
    CHECK((*fast)->panel_kinds().integer);
    CHECK((*fast)->panel_kinds().bf16);
    const auto tokens = read_fixture("official-quantised/expected.json").tokens;
    const auto n = static_cast<int64_t>(tokens.size());
    Runner a(**exact, 1, n, n);
    Runner b(**fast, 1, n, n);
    Agreement result;
    result.add(a.run_whole(tokens), b.run_whole(tokens),
               static_cast<size_t>((*exact)->config().n_vocab));
    INFO(result.text());
    CHECK(result.kl() > 0);  // it is another computation
    CHECK(result.kl() < 0.05);
    CHECK(result.top_1() > 0.8);
}

TEST_CASE("fast: answers of the demo model", "[engine][model][demo]") {
    check_answers(10);
}

// The figures stand in tests/bench/README.md: test_engine_model "fast: all answers*" -s
TEST_CASE("fast: all answers of the demo model", "[engine][model][demo][.slow]") {
    check_answers(1);
}
