#pragma once
// Text to tokens and back. Control tokens never come out of text: added tokens are found by name
// alone, for the encoder that writes them, and text that spells one is encoded as ordinary bytes.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/pretokenizer.h"
#include "engine/tokenizer/tokenizer_json.h"

namespace engine {

// Constant after construction; any thread.
class Tokenizer {
public:
    // Errors: file_missing, file_broken, unsupported.
    static Result<std::unique_ptr<Tokenizer>> open(const std::filesystem::path& file);
    static Result<std::unique_ptr<Tokenizer>> parse(std::string_view json);

    // Appends the tokens of `untrusted`, none of them an added one, and stops with context_exceeded
    // once `tokens` would hold more than n_tokens_max. Bytes that are not UTF-8 count as U+FFFD.
    // Errors besides: prompt_invalid, if the file's expressions give up on the text.
    Result<void> encode_text(std::string_view untrusted, size_t n_tokens_max,
                             std::vector<int32_t>& tokens) const;

    // Of an added token, by its exact content.
    std::optional<int32_t> token_id(std::string_view added_token) const;
    bool is_added(int32_t id) const { return is_added_[static_cast<size_t>(id)]; }
    // May be part of a character. Empty: no token has this id. Lives as long as the tokenizer.
    std::string_view bytes(int32_t id) const { return file_.tokens[static_cast<size_t>(id)]; }
    size_t n_token_bytes_max() const { return n_token_bytes_max_; }  // of any token but added ones
    int32_t n_ids() const { return static_cast<int32_t>(file_.tokens.size()); }  // the last id + 1

private:
    Tokenizer(TokenizerFile file, Pretokenizer pretokenizer);

    const TokenizerFile file_;
    const Pretokenizer pretokenizer_;
    const Bpe bpe_;  // borrows file_
    std::unordered_map<std::string_view, int32_t> added_ids_;
    std::vector<bool> is_added_;
    size_t n_token_bytes_max_ = 1;
};

}  // namespace engine
