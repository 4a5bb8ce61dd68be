#pragma once
// Chooses the next token from the logits of one position.
//
// Rows that `use` marks as never take no part. Rows that are not finite take none either: a broken
// model cannot choose one. Equal logits count by their id, the lowest first. A draw depends on the
// seed and the number of tokens the sequence has sampled, on nothing else: not on the batch, not on
// other sequences.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/sampling/token_use.h"

namespace engine {

struct Draw {
    uint64_t seed = 0;
    uint64_t n_sampled = 0;  // by this sequence before
};

// log_softmax of the raw logits over the rows in use, before temperature and cuts.
struct Logprobs {
    float chosen = 0;
    std::vector<std::pair<int32_t, float>> top;  // best first, rows of text only
};

// Scratch for one vocabulary, allocated once. Confined to one thread.
class Sampler {
public:
    explicit Sampler(int64_t n_vocab);

    // Of logits + logit_bias, temperature 0: the best row. Otherwise one of softmax(logits /
    // temperature), cut down to min_p of the best probability, then to the top_k best, then to the
    // fewest best that hold top_p of what is left. Nothing: no row can be chosen. Allocates
    // nothing.
    std::optional<int32_t> sample(std::span<const float> logits, std::span<const TokenUse> use,
                                  const Sampling& sampling, Draw draw);

    Logprobs logprobs(std::span<const float> logits, std::span<const TokenUse> use, int32_t chosen,
                      int n_top);

private:
    struct Candidate {
        int32_t id;
        float logit;
        float weight;  // of exp((logit - best) / temperature)
    };
    static bool better(const Candidate& a, const Candidate& b);
    void collect(std::span<const float> logits, std::span<const TokenUse> use);
    void add_bias(const Sampling& sampling);
    void weigh(float temperature);
    void keep_top_k(int top_k);
    void keep_top_p(float top_p);
    int32_t pick(double at) const;

    std::vector<Candidate> candidates_;
};

// Uniform: 64 bits, and [0, 1) with 53.
uint64_t random_bits(Draw draw);
double uniform(Draw draw);

}  // namespace engine
