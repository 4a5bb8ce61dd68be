#pragma once
// One choice of a chunk or completion: what it says, and what of it must read differently for a
// client.
#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/finish_reason.h"
#include "gateway/upstream/tool_calls.h"

namespace gateway {

// What the chunks of one choice have said so far.
struct ChoiceState {
    bool has_role = false;
    ToolCalls calls;
};

struct ChoiceLook {
    int64_t index = 0;
    std::optional<std::string> finish_reason;  // as the upstream said it
    FinishReason finish;                       // of it; "stop" behind calls is "tool_calls"
    int64_t n_text_bytes = 0, n_reasoning_bytes = 0;
    std::optional<simdjson::dom::element> usage;  // some put it here
    std::vector<BodyEdit> edits;                  // of the delta or message, its tool calls aside
    std::vector<CallLook> calls;                  // only if one must be changed: all of them
    std::vector<size_t> silent_calls;  // of earlier chunks: end with this one, without arguments
    bool is_empty = false;             // once edited, nothing is left of it
};

// `choice` of a completion, or of a chunk, which goes on with `state`.
ChoiceLook look_at_message(const simdjson::dom::object& choice);
ChoiceLook look_at_delta(const simdjson::dom::object& choice, ChoiceState& state);

}  // namespace gateway
