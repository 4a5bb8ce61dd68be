#include <nlohmann/json.hpp>

#include "engine/chat/control_ids.h"
#include "engine/chat/reference_case.h"
#include "engine/model/model_config.h"
#include "engine/model_tools.h"
#include "engine/tokenizer/utf8.h"
#include "engine/weights/model_files.h"

namespace engine {
namespace {

constexpr int64_t kContextMax = int64_t{1} << 20;

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::filesystem::path& dir) {
    if (!std::filesystem::is_regular_file(dir)) return Tokenizer::open(dir / "tokenizer.json");
    const auto files = open_model_files(dir);  // a GGUF file
    if (!files) return tl::unexpected(files.error());
    auto tokenizer = Tokenizer::parse(files->tokenizer_json);
    if (tokenizer) return tokenizer;
    return tl::unexpected(
        Error{tokenizer.error().code, dir.string() + ": " + tokenizer.error().detail});
}

Result<RenderedPrompt> encode(const std::filesystem::path& dir,
                              const Result<std::vector<Segment>>& segments) {
    if (!segments) return tl::unexpected(segments.error());
    const auto tokenizer = open_tokenizer(dir);
    if (!tokenizer) return tl::unexpected(tokenizer.error());
    const auto controls = ControlIds::find(**tokenizer);
    if (!controls) return tl::unexpected(controls.error());
    const auto n_ctx = context_of(dir);
    if (!n_ctx) return tl::unexpected(n_ctx.error());
    auto tokens = encode_segments(*segments, **tokenizer, *controls, static_cast<size_t>(*n_ctx));
    if (!tokens) return tl::unexpected(tokens.error());
    return RenderedPrompt{text_of(*segments), std::move(*tokens)};
}

}  // namespace

Result<int64_t> context_of(const std::filesystem::path& dir) {
    if (std::filesystem::is_regular_file(dir)) {  // a GGUF file
        const auto files = open_model_files(dir);
        if (!files) return tl::unexpected(files.error());
        const auto config = parse_model_config(*files);
        if (!config) return tl::unexpected(config.error());
        return config->n_ctx_max;
    }
    if (!std::filesystem::exists(dir / "config.json")) return kContextMax;
    const auto config = read_model_config(dir);
    if (!config) return tl::unexpected(config.error());
    return config->n_ctx_max;
}

Result<RenderedPrompt> render_prompt(const std::filesystem::path& dir,
                                     const Conversation& conversation, config::Encoding encoding,
                                     config::Effort tier) {
    return encode(dir, render_chat(conversation, encoding, tier));
}

Result<RenderedPrompt> render_case(const std::filesystem::path& dir, std::string_view json,
                                   std::optional<config::Encoding> encoding) {
    auto read = read_reference_case(json, encoding);
    if (!read) return tl::unexpected(read.error());
    return encode(dir, render_turns(std::move(read->turns), read->options));
}

Result<std::vector<int32_t>> tokenize(const std::filesystem::path& dir, std::string_view text) {
    const auto tokenizer = open_tokenizer(dir);
    if (!tokenizer) return tl::unexpected(tokenizer.error());
    std::vector<int32_t> tokens;
    const auto encoded = (*tokenizer)->encode_text(text, SIZE_MAX, tokens);
    if (!encoded) return tl::unexpected(encoded.error());
    return tokens;
}

Result<std::string> detokenize(const std::filesystem::path& dir, std::string_view tokens_json) {
    const auto tokenizer = open_tokenizer(dir);
    if (!tokenizer) return tl::unexpected(tokenizer.error());
    const auto refuse = [] {
        return tl::unexpected(
            Error{Errc::prompt_invalid, "the tokens are no JSON array of ids of this tokenizer"});
    };
    const auto tokens = nlohmann::json::parse(tokens_json, nullptr, /*allow_exceptions=*/false);
    if (!tokens.is_array()) return refuse();
    std::string bytes;
    for (const auto& token : tokens) {
        if (!token.is_number_integer()) return refuse();
        const auto id = token.get<int64_t>();
        if (id < 0 || id >= (*tokenizer)->n_ids()) return refuse();
        bytes += (*tokenizer)->bytes(static_cast<int32_t>(id));
    }
    return repair_utf8(bytes);
}

}  // namespace engine
