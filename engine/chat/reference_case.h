#pragma once
// One conversation as the official encoder is called with it: what stands in a line of the
// reference cases (tests/engine/data/chat-encoding-cases.jsonl).
#include <string_view>

#include "engine/chat/chat_encoding.h"
#include "engine/model_tools.h"

namespace engine {

struct ReferenceCase {
    std::vector<Turn> turns;  // the context first
    EncodingOptions options;
    std::optional<config::Encoding> checkpoint;  // of which the case tells; absent: of any
};

// Tools and a response format at the top level stand on the first message if that is a system
// message, else on an empty one in front. Efforts are those of `encoding`, or of the case's own
// checkpoint without one. Errors: prompt_invalid, its detail as render_turns() has it.
Result<ReferenceCase> read_reference_case(std::string_view json,
                                          std::optional<config::Encoding> encoding);

}  // namespace engine
