#include "engine/scheduler/request_check.h"

#include <algorithm>
#include <cmath>

namespace engine {
namespace {

constexpr size_t kStopsMax = 16;
constexpr int kTopLogprobsMax = 20;
constexpr size_t kBiasesMax = 1024;

bool within_0_1(float p) {
    return p >= 0 && p <= 1;
}  // false for NaN

Result<void> check_sampling(const Sampling& sampling) {
    const char* what = nullptr;
    if (!(sampling.temperature >= 0) || !std::isfinite(sampling.temperature)) what = "temperature";
    if (!within_0_1(sampling.top_p)) what = "top_p";
    if (!within_0_1(sampling.min_p)) what = "min_p";
    if (sampling.top_k < 0) what = "top_k";
    if (sampling.stop.size() > kStopsMax) what = "the number of stop strings";
    if (sampling.logit_bias.size() > kBiasesMax) what = "the number of logit biases";
    if (sampling.n_top_logprobs < 0 || sampling.n_top_logprobs > kTopLogprobsMax) {
        what = "n_top_logprobs";
    }
    if (sampling.n_reasoning_max < 1) what = "the thinking budget";
    if (!what) return {};
    return tl::unexpected(Error{Errc::unsupported, std::string(what) + " is out of range"});
}

}  // namespace

Result<void> check_request(const Prompt& prompt, const Sampling& sampling, int64_t n_output_max,
                           int64_t n_ctx, int64_t n_vocab) {
    const auto refuse = [](Errc code, const std::string& detail) {
        return tl::unexpected(Error{code, detail});
    };
    if (prompt.tokens.empty()) return refuse(Errc::prompt_invalid, "the prompt has no tokens");
    const auto outside = [n_vocab](int32_t id) { return id < 0 || id >= n_vocab; };
    if (std::any_of(prompt.tokens.begin(), prompt.tokens.end(), outside)) {
        return refuse(Errc::prompt_invalid,
                      "the prompt has a token outside the model's vocabulary");
    }
    if (n_output_max < 1) return refuse(Errc::unsupported, "the output limit is below 1");
    const auto n_prompt = static_cast<int64_t>(prompt.tokens.size());
    if (n_prompt > n_ctx || n_output_max > n_ctx - n_prompt) {
        return refuse(Errc::context_exceeded,
                      std::to_string(n_prompt) + " prompt tokens and an output limit of " +
                          std::to_string(n_output_max) + " exceed the context of " +
                          std::to_string(n_ctx));
    }
    return check_sampling(sampling);
}

}  // namespace engine
