#pragma once
// The tool calls of one choice, made fit for clients, who put a call together by its index and join
// all of its strings. Upstreams leave index or id out, count from 1, send index 0 for every call,
// repeat a call's head in every piece, and send arguments as an object or not at all.
#include <simdjson.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upstream/body_edit.h"

namespace gateway {

// What of one entry of tool_calls must read differently.
struct CallLook {
    std::vector<BodyEdit> edits, function_edits;  // of the entry, of its member `function`
    int64_t n_text_bytes = 0;                     // of its arguments
};

class ToolCalls {
public:
    enum class Ends : uint8_t {
        no,
        whole,  // with this, and nothing was cut: a call without arguments has "{}"
    };
    CallLook look_at_call(const simdjson::dom::object& call, Ends ends);   // of a message
    CallLook look_at_piece(const simdjson::dom::object& call, Ends ends);  // of a delta
    // Numbers of the calls that have said no arguments until now; each is told once.
    std::vector<size_t> take_silent();
    bool empty() const { return calls_.empty(); }

private:
    struct Call {
        bool has_id = false;  // from the upstream
        bool has_name = false, has_arguments = false;
    };
    CallLook look(const simdjson::dom::object& call, size_t n, bool is_head, Ends ends);
    size_t number(int64_t index, std::string_view id, bool is_named);
    size_t begin(int64_t index);

    std::vector<Call> calls_;
    std::map<std::string, size_t, std::less<>> by_id_;
    std::map<int64_t, size_t> by_index_;  // as the upstream sends it
    size_t last_ = 0;
    bool unindexed_ = false;  // what the upstream sends as index means nothing
};

}  // namespace gateway
