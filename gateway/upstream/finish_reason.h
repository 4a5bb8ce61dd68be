#pragma once
// The words with which upstreams end a choice, brought down to the five that clients know.
#include <cstdint>
#include <string_view>

namespace gateway {

struct FinishReason {
    enum class Kind : uint8_t {
        none,     // an empty word: the choice goes on
        ended,    // `word` is one of stop, length, tool_calls, content_filter, function_call
        broken,   // the upstream gave up on this answer: not an end
        unknown,  // no word of any upstream that we know; never taken for "stop"
    };
    Kind kind = Kind::unknown;
    std::string_view word;  // kind ended; of static storage
};

FinishReason read_finish_reason(std::string_view said);

}  // namespace gateway
