#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/model/forward.h"
#include "engine/model_tools.h"
#include "engine/weights/json_strict.h"

namespace engine {
namespace {

using nlohmann::json;

constexpr int64_t kChunkDefault = 256;
constexpr size_t kFirst = 8;
constexpr size_t kTop = 5;

Result<std::vector<int32_t>> parse_tokens(std::string_view text, const ModelConfig& config) {
    const auto refuse = [](const std::string& what) {
        return tl::unexpected(Error{Errc::prompt_invalid, "tokens: " + what});
    };
    const auto parsed = parse_json_strict(text, 1);
    if (!parsed) return refuse(parsed.error());
    if (!parsed->is_array() || parsed->empty()) return refuse("not a JSON array of ids");
    if (static_cast<int64_t>(parsed->size()) > config.n_ctx_max) {
        return refuse(std::to_string(parsed->size()) + " ids, the model holds " +
                      std::to_string(config.n_ctx_max));
    }
    std::vector<int32_t> tokens;
    for (const auto& value : *parsed) {
        if (!value.is_number_integer() || value < 0 || value >= config.n_vocab) {
            return refuse(value.dump() + " at index " + std::to_string(tokens.size()) +
                          ", must be an id below " + std::to_string(config.n_vocab));
        }
        tokens.push_back(value.get<int32_t>());
    }
    return tokens;
}

json describe(std::span<const float> logits) {
    json entry;
    double sum = 0;
    double squares = 0;
    for (const float x : logits) {
        sum += static_cast<double>(x);
        squares += static_cast<double>(x) * static_cast<double>(x);
    }
    std::vector<size_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const size_t n_top = std::min(kTop, logits.size());
    // Bits decide where numbers cannot: a broken model's NaN sorts somewhere, but sorts.
    const auto before = [&](size_t a, size_t b) {
        const float x = std::isnan(logits[a]) ? -INFINITY : logits[a];
        const float y = std::isnan(logits[b]) ? -INFINITY : logits[b];
        return x != y ? x > y : a < b;
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n_top),
                      order.end(), before);
    entry["first8"] = logits.first(std::min(kFirst, logits.size()));
    entry["sum"] = sum;
    entry["l2"] = std::sqrt(squares);
    entry["top5"] = json::array();
    for (size_t i = 0; i < n_top; ++i) entry["top5"].push_back({order[i], logits[order[i]]});
    return entry;
}

}  // namespace

Result<std::string> logits_report(const std::filesystem::path& dir, std::string_view tokens_json,
                                  const LogitsReportOptions& options) {
    ModelOptions held(options.dtype == LogitsReportOptions::Dtype::f32 ? Dtype::f32 : Dtype::bf16);
    if (options.roundings == config::Roundings::official) held.roundings = Roundings::official;
    const auto loaded = Model::load(dir, held);
    if (!loaded) return tl::unexpected(loaded.error());
    const Model& model = **loaded;
    const auto tokens = parse_tokens(tokens_json, model.config());
    if (!tokens) return tl::unexpected(tokens.error());

    const auto n_tokens = static_cast<int64_t>(tokens->size());
    const int64_t n_chunk =
        std::min(options.n_chunk > 0 ? options.n_chunk : kChunkDefault, n_tokens);
    kernels::ThreadPool pool(options.n_threads);
    WorkspaceConfig sizes;
    sizes.n_tokens_max = n_chunk;
    sizes.n_ctx = n_tokens;
    Workspace workspace(model, pool, sizes);
    KvState kv(model.config(), n_tokens);
    const auto width = static_cast<size_t>(model.config().n_vocab);
    std::vector<float> logits(static_cast<size_t>(n_chunk) * width);
    json report = json::array();
    for (int64_t begin = 0; begin < n_tokens; begin += n_chunk) {
        const auto n = static_cast<size_t>(std::min(n_chunk, n_tokens - begin));
        const SequenceChunk chunk{&kv, std::span(*tokens).subspan(static_cast<size_t>(begin), n),
                                  LogitsWanted::all, logits.data()};
        forward(model, workspace, {&chunk, 1});
        for (size_t i = 0; i < n; ++i)
            report.push_back(describe(std::span(logits).subspan(i * width, width)));
    }
    return report.dump();
}

}  // namespace engine
