#pragma once
// What was published about V4 at a context of a million tokens, as parts of DeepSeek-V3.2's: Flash
// 7 % of the KV and 10 % of the operations of one token, Pro 10 % and 27 %. And that baseline,
// counted from V3.2's sizes and the layout of its FP8 cache.
#include <optional>

#include "engine/plan/token_costs.h"

namespace engine {

// The contexts that people call a million tokens.
constexpr int64_t kMillionMin = 1'000'000;
constexpr int64_t kMillionMax = 1 << 20;

struct PublishedClaim {
    const char* model;  // "V4-Flash"
    double kv;          // part of V3.2's, 0.07
    double operations;  // part of V3.2's
};
// The published model that has this config's sizes.
std::optional<PublishedClaim> published_claim(const ModelConfig& config);

namespace v32 {
extern const char* const kBaseline;  // in words
double kv_bytes(int64_t n_ctx);
Operations operations(int64_t n_ctx);
}  // namespace v32

// Operations as if all were FP8, the only count known that gives both published figures: bf16 ones
// (attention) twice, FP4 ones (V4's indexer) half, FP8 ones (weights, V3.2's indexer) once.
double fp8_equivalents(const Operations& v4);
double fp8_equivalents_v32(const Operations& baseline);

// What this engine counts, as parts of V3.2's.
struct ComparedToV32 {
    double kv = 0;                 // in the official mix, what grows with the context
    double operations = 0;         // each counted once
    double operations_as_fp8 = 0;  // fp8_equivalents()
};
ComparedToV32 compare_to_v32(const ModelConfig& config, const Operations& counted, int64_t n_ctx);

}  // namespace engine
