#pragma once
// Where the controls of the chat encoding stand in one tokenizer, and what an answer may be made
// of.
#include <array>
#include <vector>

#include "engine/chat/segment.h"
#include "engine/sampling/token_use.h"
#include "engine/tokenizer/tokenizer.h"

namespace engine {

class ControlIds {
public:
    // Errors: file_broken, naming the added token that the tokenizer lacks and plain chat needs.
    static Result<ControlIds> find(const Tokenizer& tokenizer);

    // -1: the tokenizer lacks it.
    int32_t operator[](Control control) const { return ids_[static_cast<size_t>(control)]; }

private:
    std::array<int32_t, kControlCount> ids_{};
};

// Which of the n_vocab rows of the logits may be sampled. An answer is text until EOS; while
// thinking,
// </think> may come too. No other added token may: markup of the prompt never reaches a client, and
// rows without a token (the padding of the embedding) never come up.
struct AnswerTokens {
    std::vector<TokenUse> thinking;
    std::vector<TokenUse> content;
};
AnswerTokens answer_tokens(const Tokenizer& tokenizer, const ControlIds& controls, int64_t n_vocab);

// The prompt's tokens. Text segments become no added token, whatever they hold. Errors: those of
// Tokenizer::encode_text; context_exceeded before any of it is read, if so many bytes cannot be
// n_tokens_max tokens; unsupported for a control that the tokenizer lacks.
Result<std::vector<int32_t>> encode_segments(const std::vector<Segment>& segments,
                                             const Tokenizer& tokenizer, const ControlIds& controls,
                                             size_t n_tokens_max);

}  // namespace engine
