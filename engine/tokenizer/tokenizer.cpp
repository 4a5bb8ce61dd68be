#include "engine/tokenizer/tokenizer.h"

#include <algorithm>
#include <fstream>

#include "engine/tokenizer/utf8.h"

namespace engine {

Tokenizer::Tokenizer(TokenizerFile file, Pretokenizer pretokenizer)
    : file_(std::move(file)),
      pretokenizer_(std::move(pretokenizer)),
      bpe_(file_),
      is_added_(file_.tokens.size()) {
    for (const auto& added : file_.added) {
        added_ids_.emplace(added.content, added.id);
        is_added_[static_cast<size_t>(added.id)] = true;
    }
    for (size_t id = 0; id < file_.tokens.size(); ++id) {
        if (!is_added_[id]) {
            n_token_bytes_max_ = std::max(n_token_bytes_max_, file_.tokens[id].size());
        }
    }
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::open(const std::filesystem::path& file) {
    std::error_code failure;
    const auto n_bytes = std::filesystem::file_size(file, failure);
    if (failure) {
        return tl::unexpected(Error{Errc::file_missing, file.string() + ": " + failure.message()});
    }
    if (n_bytes > kTokenizerBytesMax) {
        return tl::unexpected(Error{Errc::file_broken, file.string() + ": larger than 64 MiB"});
    }
    std::string json(n_bytes, '\0');
    std::ifstream in(file, std::ios::binary);
    if (!in.read(json.data(), static_cast<std::streamsize>(json.size()))) {
        return tl::unexpected(Error{Errc::file_broken, file.string() + ": cannot be read"});
    }
    auto tokenizer = parse(json);
    if (!tokenizer) {
        const Error& error = tokenizer.error();
        return tl::unexpected(Error{error.code, file.string() + ": " + error.detail});
    }
    return tokenizer;
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::parse(std::string_view json) {
    Result<TokenizerFile> file = parse_tokenizer_json(json);
    if (!file) return tl::unexpected(file.error());
    Result<Pretokenizer> pretokenizer = Pretokenizer::compile(file->splits);
    if (!pretokenizer) return tl::unexpected(pretokenizer.error());
    return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(*file), std::move(*pretokenizer)));
}

Result<void> Tokenizer::encode_text(std::string_view untrusted, size_t n_tokens_max,
                                    std::vector<int32_t>& tokens) const {
    std::string repaired;
    if (!is_utf8(untrusted)) {
        repaired = repair_utf8(untrusted);
        untrusted = repaired;
    }
    Bpe::Scratch scratch;
    const auto split = pretokenizer_.split(untrusted, [&](std::string_view piece) {
        bpe_.encode(piece, scratch, tokens);
        return tokens.size() <= n_tokens_max;
    });
    if (!split) return split;
    if (tokens.size() > n_tokens_max) {
        return tl::unexpected(
            Error{Errc::context_exceeded, "more than " + std::to_string(n_tokens_max) + " tokens"});
    }
    return {};
}

std::optional<int32_t> Tokenizer::token_id(std::string_view added_token) const {
    const auto found = added_ids_.find(added_token);
    if (found == added_ids_.end()) return std::nullopt;
    return found->second;
}

}  // namespace engine
