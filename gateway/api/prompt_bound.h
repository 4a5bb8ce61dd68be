#pragma once
// How many tokens a prompt can have and is likely to have. For .cpp files only.
#include "gateway/api/message_checks.h"
#include "gateway/api/tool_checks.h"

namespace gateway {

// The rule of n_tokens_max, for models with a byte-level BPE tokenizer: every token stands for at
// least one byte of what is rendered, so there are at most as many tokens as bytes.
//   - Messages are rendered from their decoded texts, which have no more bytes than they have in
//   the
//     body, escaped; what a template puts around a message is bounded by kTokensPerMessage beyond
//     the names and punctuation of its JSON.
//   - Schemas (tools, functions, response_format) may be rendered anew, with blanks and line ends:
//   at most
//     twice their bytes, and kTokensPerTool around each.
//   - An image counts by the dearest table (kTokensPerImage), not by the bytes of its URL.
//   - kTokensPerRequest covers what a template says of its own accord.
struct PromptBound {
    int64_t n_tokens_max = 0;
    int64_t n_tokens_likely = 0;  // about four bytes a token; never above n_tokens_max
};

PromptBound prompt_bound(const RequestFields& fields, const MessageFacts& messages,
                         const ToolFacts& tools);

}  // namespace gateway
