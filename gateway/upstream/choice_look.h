#pragma once
// One choice of a chunk or completion: what it says, and what of it must read differently for a
// client.
#include <simdjson.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

struct ChoiceLook {
    int64_t index = 0;
    std::optional<std::string> finish_reason;  // as the upstream said it
    int64_t n_text_bytes = 0, n_reasoning_bytes = 0;
    std::optional<simdjson::dom::element> usage;  // some put it here
    std::vector<int64_t> tool_indexes;            // only if one must be changed: all of them
};

// `choice` of a chunk (`text_member` "delta", tool calls numbered by `tools`) or of a completion
// ("message", `tools` null).
ChoiceLook look_at_choice(const simdjson::dom::object& choice, std::string_view text_member,
                          ToolIndexes* tools);

}  // namespace gateway
