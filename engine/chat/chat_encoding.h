#pragma once
// From a conversation to what a DeepSeek-V4 model reads: byte for byte the official encoding. Where
// that leaves a request without a place to answer, or has no rule, these hold:
//
// - Tools and a response format stand on the first message if that is a system message, else on an
//   empty one put in front.
// - Every answer stands behind a user turn: where none is open, an empty one is inserted. That
//   covers a conversation that opens with an assistant, two assistants in a row, and a last system
//   message behind an answer.
// - A system message between a user turn and its answer comes before the assistant tag, so that a
//   last system message still asks for an answer.
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "engine/calls/call_memory.h"
#include "engine/chat/turn.h"
#include "engine/engine.h"

namespace engine {

struct EncodingOptions {
    // What turns may end in: as the official encoder has it, or so that every request asks for an
    // answer.
    enum class Rules : uint8_t { official, server } rules = Rules::server;
    bool thinking = false;
    std::string_view prefix;     // effort_prefix(), of a thinking mode
    bool drop_reasoning = true;  // of earlier answers, unless tools are given
    bool with_bos = true;
    size_t n_context = 0;  // the first turns, that have been rendered already
    // Where calls of earlier answers to `owner` stand as they were written; null: they are printed.
    const CallMemory* memory = nullptr;
    uint64_t owner = 0;
};

// No two text segments in a row. Errors: prompt_invalid; of the
// official rules its detail begins with invalid_value, unsupported_role, bad_content_type or
// bad_arguments_type.
Result<std::vector<Segment>> render_turns(std::vector<Turn> turns, const EncodingOptions& options);

// By the server's rules. Errors: prompt_invalid, for no messages or a last one that is the
// assistant's, besides those above.
Result<std::vector<Segment>> render_chat(const Conversation& conversation,
                                         config::Encoding encoding, config::Effort tier,
                                         const CallMemory* memory = nullptr);

}  // namespace engine
