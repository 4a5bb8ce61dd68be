#pragma once
// One choice of a chunk or completion: what it says, and what of it must read differently for a
// client.
#include <simdjson.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upstream/body_edit.h"

namespace gateway {

// Numbers the tool calls of one choice: upstreams leave `index` out, or send 0 for every call. A
// new id is a new call; the same id or none goes on with a call.
class ToolIndexes {
public:
    // `index` < 0: none was sent. Yields the one to send.
    int64_t assign(int64_t index, std::string_view id);

private:
    std::map<std::string, int64_t, std::less<>> by_id_;
    int64_t last_ = -1;
    bool renumbered_ = false;  // what the upstream sends as index means nothing
};

// What the chunks of one choice have said so far.
struct ChoiceState {
    bool has_role = false;
    ToolIndexes tools;
};

struct ChoiceLook {
    int64_t index = 0;
    std::optional<std::string> finish_reason;  // as the upstream said it
    int64_t n_text_bytes = 0, n_reasoning_bytes = 0;
    std::optional<simdjson::dom::element> usage;  // some put it here
    std::vector<BodyEdit> edits;                  // of the delta or message, its tool calls aside
    std::vector<int64_t> tool_indexes;            // only if one must be changed: all of them
    bool is_empty = false;                        // once edited, nothing is left of it
};

// `choice` of a completion, or of a chunk, which goes on with `state`.
ChoiceLook look_at_message(const simdjson::dom::object& choice);
ChoiceLook look_at_delta(const simdjson::dom::object& choice, ChoiceState& state);

}  // namespace gateway
