// What the fast mode costs in truth: its logits against the exact mode's.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/engine/model_fixture.h"

using namespace model_test;

namespace {

struct Agreement {
    double kl = 0;  // mean of KL(exact || fast), nats
    double top_1 = 0;
};

std::vector<double> log_softmax(std::span<const float> logits) {
    const double top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    double sum = 0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x) - top);
    std::vector<double> result;
    for (const float x : logits) result.push_back(static_cast<double>(x) - top - std::log(sum));
    return result;
}

Agreement agreement(std::span<const float> exact, std::span<const float> fast, size_t width) {
    Agreement a;
    const size_t n = exact.size() / width;
    for (size_t t = 0; t < n; ++t) {
        const auto p = log_softmax(exact.subspan(t * width, width));
        const auto q = log_softmax(fast.subspan(t * width, width));
        for (size_t i = 0; i < width; ++i) a.kl += std::exp(p[i]) * (p[i] - q[i]);
        a.top_1 +=
            argmax(exact.subspan(t * width, width)) == argmax(fast.subspan(t * width, width));
    }
    a.kl /= static_cast<double>(n);
    a.top_1 /= static_cast<double>(n);
    return a;
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
    const auto result = agreement(a.run_whole(tokens), b.run_whole(tokens),
                                  static_cast<size_t>((*exact)->config().n_vocab));
    INFO("KL " << result.kl << ", top-1 " << result.top_1);
    CHECK(result.kl > 0);  // it is another computation
    CHECK(result.kl < 0.05);
    CHECK(result.top_1 > 0.8);
}
