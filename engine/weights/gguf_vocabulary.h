#pragma once
// How GGUF files hold a tokenizer: the reader's and the writer's common words.
#include <nlohmann/json_fwd.hpp>

namespace engine {

inline constexpr char kGgufTokenizerModel[] = "tokenizer.ggml.model";
inline constexpr char kGgufTokenizerPre[] = "tokenizer.ggml.pre";
inline constexpr char kGgufTokens[] = "tokenizer.ggml.tokens";
inline constexpr char kGgufTokenTypes[] = "tokenizer.ggml.token_type";
inline constexpr char kGgufMerges[] = "tokenizer.ggml.merges";
inline constexpr char kGgufBos[] = "tokenizer.ggml.bos_token_id";
inline constexpr char kGgufEos[] = "tokenizer.ggml.eos_token_id";
inline constexpr char kGgufWholeTokenizer[] = "tokenizer.huggingface.json";

// Values of token_type.
constexpr int kGgufNormalToken = 1;
constexpr int kGgufControlToken = 3;
constexpr int kGgufUserToken = 4;  // added, written by users or tools
constexpr int kGgufUnusedToken = 5;

// Names of the same three expressions: the one V4 exports carry, and its predecessor's.
inline constexpr const char* kGgufDeepSeekSplits[] = {"joyai-llm", "deepseek-v3"};

// tokenizer.json's pre_tokenizer with those expressions.
nlohmann::json deepseek_pre_tokenizer();

}  // namespace engine
