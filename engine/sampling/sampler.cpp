#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>

#include "config/ensure.h"

namespace engine {
namespace {

// The finaliser of SplitMix64: every bit of the result depends on every bit of x.
uint64_t mixed(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

}  // namespace

uint64_t random_bits(Draw draw) {
    constexpr uint64_t golden = 0x9E3779B97F4A7C15u;
    return mixed(mixed(draw.seed + golden) + (draw.n_sampled + 1) * golden);
}

double uniform(Draw draw) {
    return static_cast<double>(random_bits(draw) >> 11) * 0x1p-53;
}

Sampler::Sampler(int64_t n_vocab) {
    candidates_.reserve(static_cast<size_t>(n_vocab));
}

bool Sampler::better(const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

void Sampler::collect(std::span<const float> logits, std::span<const TokenUse> use) {
    ENSURE(logits.size() == use.size() && logits.size() <= candidates_.capacity());
    candidates_.clear();
    for (size_t i = 0; i < logits.size(); ++i) {
        if (use[i] != TokenUse::never && std::isfinite(logits[i])) {
            candidates_.push_back({static_cast<int32_t>(i), logits[i], 0});
        }
    }
}

std::optional<int32_t> Sampler::sample(std::span<const float> logits, std::span<const TokenUse> use,
                                       const Sampling& sampling, Draw draw) {
    collect(logits, use);
    if (candidates_.empty()) return std::nullopt;
    add_bias(sampling);
    if (sampling.temperature == 0) {
        return std::min_element(candidates_.begin(), candidates_.end(), better)->id;
    }
    weigh(sampling.temperature);
    if (sampling.min_p > 0) {
        std::erase_if(candidates_, [&](const Candidate& c) { return c.weight < sampling.min_p; });
    }
    if (sampling.top_k > 0) keep_top_k(sampling.top_k);
    if (sampling.top_p < 1) keep_top_p(sampling.top_p);
    return pick(uniform(draw));
}

void Sampler::add_bias(const Sampling& sampling) {
    for (const auto& [id, bias] : sampling.logit_bias) {
        const auto found = std::lower_bound(candidates_.begin(), candidates_.end(), id,
                                            [](const Candidate& c, int32_t i) { return c.id < i; });
        if (found != candidates_.end() && found->id == id) found->logit += bias;
    }
}

void Sampler::weigh(float temperature) {
    const auto best = std::min_element(candidates_.begin(), candidates_.end(), better);
    const float logit_max = best->logit;
    for (Candidate& candidate : candidates_) {
        candidate.weight = std::exp((candidate.logit - logit_max) / temperature);
    }
}

void Sampler::keep_top_k(int top_k) {
    const auto k = static_cast<size_t>(top_k);
    if (k >= candidates_.size()) return;
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(k);
    std::nth_element(candidates_.begin(), end, candidates_.end(), better);
    candidates_.resize(k);
}

// Sorts no more than it must: a vocabulary is large, and what holds top_p of it mostly small.
void Sampler::keep_top_p(float top_p) {
    double total = 0;
    for (const Candidate& candidate : candidates_) total += candidate.weight;
    const double wanted = total * top_p;
    double sum = 0;
    size_t n_sorted = 0;
    for (size_t n_more = 256; n_sorted < candidates_.size(); n_more *= 8) {
        const size_t end = std::min(n_sorted + n_more, candidates_.size());
        const auto at = [&](size_t i) {
            return candidates_.begin() + static_cast<std::ptrdiff_t>(i);
        };
        std::partial_sort(at(n_sorted), at(end), candidates_.end(), better);
        for (; n_sorted < end; ++n_sorted) {
            sum += candidates_[n_sorted].weight;
            if (sum < wanted) continue;
            candidates_.resize(n_sorted + 1);
            return;
        }
    }
}

int32_t Sampler::pick(double at) const {
    double total = 0;
    for (const Candidate& candidate : candidates_) total += candidate.weight;
    const double wanted = at * total;
    double sum = 0;
    for (const Candidate& candidate : candidates_) {
        sum += candidate.weight;
        if (sum > wanted) return candidate.id;
    }
    // Rounding took the draw to the very end: the last one that weighs anything.
    const auto last = std::find_if(candidates_.rbegin(), candidates_.rend(),
                                   [](const Candidate& c) { return c.weight > 0; });
    return last->id;
}

Logprobs Sampler::logprobs(std::span<const float> logits, std::span<const TokenUse> use,
                           int32_t chosen, int n_top) {
    collect(logits, use);
    const auto best = std::min_element(candidates_.begin(), candidates_.end(), better);
    const float logit_max = best->logit;
    double sum = 0;
    for (const Candidate& candidate : candidates_) {
        sum += std::exp(static_cast<double>(candidate.logit - logit_max));
    }
    const double log_sum = logit_max + std::log(sum);
    const auto logprob = [&](float logit) {
        return static_cast<float>(std::min(logit - log_sum, 0.0));
    };

    Logprobs out;
    out.chosen = logprob(logits[static_cast<size_t>(chosen)]);
    std::erase_if(candidates_, [&](const Candidate& c) {
        return use[static_cast<size_t>(c.id)] != TokenUse::text;
    });
    const size_t n = std::min(static_cast<size_t>(n_top), candidates_.size());
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(n);
    std::partial_sort(candidates_.begin(), end, candidates_.end(), better);
    for (auto it = candidates_.begin(); it != end; ++it) {
        out.top.emplace_back(it->id, logprob(it->logit));
    }
    return out;
}

}  // namespace engine
