#include "gateway/api/prompt_bound.h"

#include <algorithm>

namespace gateway {

namespace {

constexpr int64_t kTokensPerMessage = 16;
constexpr int64_t kTokensPerTool = 64;
constexpr int64_t kTokensPerRequest = 256;
// The dearest table in use: 2,833 and 5,667 for each of at most 8 tiles of 512 pixels.
constexpr int64_t kTokensPerImage = 2'833 + 8 * 5'667;

constexpr int64_t kTokensPerMessageLikely = 4;
constexpr int64_t kTokensPerToolLikely = 16;
constexpr int64_t kTokensPerImageLikely = 1'100;
constexpr int64_t kBytesPerToken = 4;

}  // namespace

PromptBound prompt_bound(const RequestFields& fields, const MessageFacts& messages,
                         const ToolFacts& tools) {
    const int64_t n_schema_bytes = fields.n_bytes(Field::tools) + fields.n_bytes(Field::functions) +
                                   fields.n_bytes(Field::response_format);
    const int64_t n_other_bytes = fields.n_bytes(Field::tool_choice) +
                                  fields.n_bytes(Field::function_call) +
                                  fields.n_bytes(Field::prediction);
    PromptBound bound;
    bound.n_tokens_max = fields.n_bytes(Field::messages) - messages.n_image_bytes +
                         2 * n_schema_bytes + n_other_bytes +
                         messages.n_messages * kTokensPerMessage + tools.n_tools * kTokensPerTool +
                         messages.n_images * kTokensPerImage + kTokensPerRequest;
    const int64_t n_bytes = messages.n_text_bytes + n_schema_bytes + n_other_bytes;
    bound.n_tokens_likely = (n_bytes + kBytesPerToken - 1) / kBytesPerToken +
                            messages.n_messages * kTokensPerMessageLikely +
                            tools.n_tools * kTokensPerToolLikely +
                            messages.n_images * kTokensPerImageLikely;
    bound.n_tokens_likely = std::min(bound.n_tokens_likely, bound.n_tokens_max);
    return bound;
}

}  // namespace gateway
