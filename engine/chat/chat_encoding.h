#pragma once
// From messages to what a DeepSeek-V4 model reads: control tokens, and between them text that is
// never searched for control tokens. Byte for byte the official encoding of plain chat; where that
// leaves a conversation without a place to answer, the rules below fill in.
//
// - Neighbouring user messages are one turn, joined by an empty line.
// - Every answer stands behind a user turn: where none is open, an empty one is inserted. That
// covers
//   a conversation that opens with an assistant, two assistants in a row, and a last system message
//   behind an answer.
// - A system message between a user turn and its answer comes before the assistant tag, so that a
//   last system message still asks for an answer.
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "engine/engine.h"

namespace engine {

enum class Control : uint8_t { bos, eos, user, assistant, think_begin, think_end };
inline constexpr size_t kControlCount = 6;
// The content of its added token.
std::string_view to_string(Control control);

struct Segment {
    std::optional<Control> control;
    std::string text;  // if it is no control
};

// What earlier answers thought: dropped, as the official encoding does unless tools are given.
enum class OldReasoning : uint8_t { drop, keep };

// No two text segments in a row. Errors: prompt_invalid, for no messages or a last one that is the
// assistant's.
Result<std::vector<Segment>> render_chat(const std::vector<ChatMessage>& messages,
                                         config::Encoding encoding, config::Effort tier,
                                         OldReasoning old_reasoning = OldReasoning::drop);

}  // namespace engine
