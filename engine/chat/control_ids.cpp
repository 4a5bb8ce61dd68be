#include "engine/chat/control_ids.h"

#include <algorithm>

namespace engine {

Result<ControlIds> ControlIds::find(const Tokenizer& tokenizer) {
    ControlIds found;
    for (size_t i = 0; i < kControlCount; ++i) {
        const std::string_view content = to_string(static_cast<Control>(i));
        const std::optional<int32_t> id = tokenizer.token_id(content);
        if (!id && i < kControlsNeeded) {
            return tl::unexpected(
                Error{Errc::file_broken, "no added token " + std::string(content)});
        }
        found.ids_[i] = id.value_or(-1);
    }
    return found;
}

AnswerTokens answer_tokens(const Tokenizer& tokenizer, const ControlIds& controls,
                           int64_t n_vocab) {
    AnswerTokens tokens;
    tokens.content.assign(static_cast<size_t>(n_vocab), TokenUse::never);
    const auto n_ids = std::min<int64_t>(n_vocab, tokenizer.n_ids());
    for (int32_t id = 0; id < n_ids; ++id) {
        const bool is_text = !tokenizer.is_added(id) && !tokenizer.bytes(id).empty();
        if (is_text) tokens.content[static_cast<size_t>(id)] = TokenUse::text;
    }
    tokens.content[static_cast<size_t>(controls[Control::eos])] = TokenUse::control;
    tokens.thinking = tokens.content;
    tokens.thinking[static_cast<size_t>(controls[Control::think_end])] = TokenUse::control;
    return tokens;
}

Result<std::vector<int32_t>> encode_segments(const std::vector<Segment>& segments,
                                             const Tokenizer& tokenizer, const ControlIds& controls,
                                             size_t n_tokens_max) {
    size_t n_least = 0;
    for (const Segment& segment : segments) {
        const size_t n_longest = tokenizer.n_token_bytes_max();
        n_least += segment.control ? 1 : (segment.text.size() + n_longest - 1) / n_longest;
    }
    if (n_least > n_tokens_max) {
        return tl::unexpected(
            Error{Errc::context_exceeded, std::to_string(n_least) + " tokens or more"});
    }
    std::vector<int32_t> tokens;
    for (const Segment& segment : segments) {
        if (segment.control) {
            tokens.push_back(controls[*segment.control]);
            if (tokens.back() >= 0) continue;
            return tl::unexpected(
                Error{Errc::unsupported,
                      "the tokenizer has no " + std::string(to_string(*segment.control))});
        }
        if (!segment.tokens.empty()) {
            tokens.insert(tokens.end(), segment.tokens.begin(), segment.tokens.end());
        } else if (const auto encoded = tokenizer.encode_text(segment.text, n_tokens_max, tokens);
                   !encoded) {
            return tl::unexpected(encoded.error());
        }
    }
    return tokens;
}

}  // namespace engine
