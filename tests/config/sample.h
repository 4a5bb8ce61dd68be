#pragma once
// What the loader's tests share: an environment with two known secrets, and files of the
// repository.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "config/loader.h"

namespace sample {

inline constexpr const char* kVariable = "canary-of-the-environment";
inline constexpr const char* kFile = "canary-of-the-file";

inline config::Environment environment() {
    return {[](const std::string& name) -> std::optional<std::string> {
                if (name == "OPENAI_API_KEY") return kVariable;
                if (name == "EMPTY") return "";
                if (name == "PORT") return "8081";
                if (name == "LINES") return "a\nb: c";
                return {};
            },
            [](const std::string& path) -> std::optional<std::string> {
                if (path == "/run/secrets/openai") return std::string(kFile) + "\n";
                return {};
            }};
}

inline std::string read(const std::filesystem::path& relative) {
    std::ifstream in(std::filesystem::path(WEIR_SOURCE_DIR) / relative, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The smallest file that does both: a local model and a remote one.
inline constexpr const char* kSmallest = R"(version: 1
listen:  {address: 127.0.0.1, port: 8080}
metrics: {address: 127.0.0.1, port: 9464}
ledger:  {path: weir.db}
engines:
  v4: {model: engine/demo/model, encoding: "0731", n_ctx: 8192, n_sequences_max: 8}
upstreams:
  openai: {kind: openai, base_url: "https://api.openai.com/v1", api_key: "${env:OPENAI_API_KEY}"}
endpoints:
  local-v4: {engine: v4, price: house}
  gpt55: {upstream: openai, model: gpt-5.5, n_ctx: 1050000, output_tokens_max: 128000, output_tokens_default: 8192, price: gpt55}
routes:
  deepseek-v4: {plan: [local-v4]}
  gpt-5.5: {plan: [gpt55, local-v4], fall_back_on: [connect, timeout_ttft, rate_limit, server_error]}
prices:
  house: {effective_from: 2026-10-01T00:00:00Z, usd_per_million: {input: "0.20", cache_read: "0.02", output: "0.40"}}
  gpt55: {effective_from: 2026-10-01T00:00:00Z, usd_per_million: {input: "5.00", cache_read: "0.50", output: "30.00"}}
)";

// kSmallest with `from` replaced by `to` where it first stands.
inline std::string changed(std::string_view from, std::string_view to) {
    std::string text = kSmallest;
    const size_t at = text.find(from);
    if (at == std::string::npos)
        throw std::runtime_error("not in the sample: " + std::string(from));
    return text.replace(at, from.size(), to);
}

inline std::string told(const std::vector<config::Refusal>& refusals) {
    std::string text;
    for (const auto& refusal : refusals) text += to_string(refusal) + "\n";
    return text;
}

// Loads `text` or throws what the loader says.
inline config::Config load(std::string_view text) {
    auto config = config::parse(text, "weir.yaml", environment());
    if (!config) throw std::runtime_error(told(config.error()));
    return std::move(*config);
}

// Everything said about `text`, or "" if it loads.
inline std::string refusals(std::string_view text) {
    const auto config = config::parse(text, "weir.yaml", environment());
    return config ? "" : told(config.error());
}

}  // namespace sample
