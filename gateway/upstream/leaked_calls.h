#pragma once
// Tool calls of DeepSeek-V4 that a server did not recognise and sent as text: DSML
// (v4-chat-encoding 4.2 and 4.4), read as leniently as the field writes it.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

inline constexpr std::string_view kDsmlOpen = "<｜DSML｜";

struct LeakedCall {
    std::string name;
    std::string arguments;  // a JSON object
};

struct LeakedBlock {
    std::vector<LeakedCall> calls;  // those that close, of tools that there are
    bool has_open_call = false;     // one of a tool that there is began and did not close
};

// `text` begins with the first kDsmlOpen. Spellings of the wrapper do not matter, nor does a blank
// behind the mark; a value ends at the next closing tag, whatever it says; what is no JSON where
// JSON was announced is a text; of a parameter said twice the last holds.
LeakedBlock read_leaked_calls(std::string_view text, std::span<const std::string> tools);

}  // namespace gateway
