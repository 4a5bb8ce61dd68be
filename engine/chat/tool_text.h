#pragma once
// How tools, calls and formats stand in a prompt: DSML around text that is never searched for
// control tokens.
#include <vector>

#include "engine/chat/segment.h"
#include "engine/engine.h"

namespace engine {

// What the model is told of tools: `tools` is a JSON array as OpenAI spells it. Errors:
// prompt_invalid for what is none.
Result<void> put_tools(SegmentWriter& out, std::string_view tools);
// Errors: prompt_invalid for what is no JSON.
Result<void> put_response_format(SegmentWriter& out, std::string_view format);
// The call block of an answer, two line ends in front. Arguments that are no JSON become one
// parameter. Errors: prompt_invalid for arguments that are JSON and no object.
Result<void> put_calls(SegmentWriter& out, const std::vector<ToolCall>& calls);

}  // namespace engine
