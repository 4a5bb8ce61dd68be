#include "engine/plan/published.h"

#include "engine/model/tensor_specs.h"

namespace engine {
namespace {

// Parameters of the backbone tell the published sizes apart from every other.
constexpr int64_t kFlashParameters = 284'332'240'471;
constexpr int64_t kProParameters = 1'572'997'201'763;

}  // namespace

std::optional<PublishedClaim> published_claim(const ModelConfig& config) {
    const int64_t n = n_parameters(config);
    if (n == kFlashParameters) return PublishedClaim{"V4-Flash", 0.07, 0.10};
    if (n == kProParameters) return PublishedClaim{"V4-Pro", 0.10, 0.27};
    return std::nullopt;
}

namespace v32 {
namespace {

constexpr double kLayers = 61;
constexpr double kHeads = 128;
constexpr double kKeyWidth = 576;    // latent and RoPE
constexpr double kValueWidth = 512;  // latent
constexpr double kTopK = 2048;
constexpr double kIndexerHeads = 64;
constexpr double kIndexerWidth = 128;
constexpr double kActive = 37e9;
constexpr double kRowBytes = 512 + 16 + 128;
constexpr double kIndexKeyBytes = 128 + 4;

}  // namespace

const char* const kBaseline =
    "DeepSeek-V3.2 with FP8 KV: 61 layers, for each token and layer a latent row of 656 bytes (512 "
    "FP8, 16 of scales, 128 of RoPE in bf16) and an FP8 index key of 132 bytes, 48,068 bytes a "
    "token; 37e9 active parameters, 128 heads over 2,048 chosen rows, an indexer of 64 heads over "
    "every token";

double kv_bytes(int64_t n_ctx) {
    return kLayers * (kRowBytes + kIndexKeyBytes) * static_cast<double>(n_ctx);
}

Operations operations(int64_t n_ctx) {
    Operations sum;
    sum.weights = 2 * kActive;
    sum.attention = kLayers * kHeads * (kKeyWidth + kValueWidth) * 2 * kTopK;
    sum.indexer = kLayers * kIndexerHeads * kIndexerWidth * 2 * static_cast<double>(n_ctx);
    return sum;
}

}  // namespace v32

double fp8_equivalents(const Operations& v4) {
    return v4.weights + 2 * v4.attention + v4.indexer / 2;
}

double fp8_equivalents_v32(const Operations& baseline) {
    return baseline.weights + 2 * baseline.attention + baseline.indexer;
}

ComparedToV32 compare_to_v32(const ModelConfig& config, const Operations& counted, int64_t n_ctx) {
    const Operations baseline = v32::operations(n_ctx);
    const auto kv = static_cast<double>(kv_bytes(config, KvFormat::official, n_ctx).growing);
    return {kv / v32::kv_bytes(n_ctx), counted.total() / baseline.total(),
            fp8_equivalents(counted) / fp8_equivalents_v32(baseline)};
}

}  // namespace engine
