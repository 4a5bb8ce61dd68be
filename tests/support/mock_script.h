#pragma once
// What the mock upstream answers: a list of steps that is made while it is sent, so that a huge
// answer needs no memory. The model's name chooses it.
//
//   ok, or any other name   n chunks, exact usage, [DONE]; unstreamed: one completion
//   fault-1 .. fault-18     the faults of field-lessons 7 (19 and 20 are the driver's)
//
// Parameters follow the name, "fault-7-k3-n10", "ok-n50-ms20":
//   n20 chunks of answer    r5 chunks of reasoning before     k3 break after so many chunks
//   ms20 between two sends  first100 ms before the first      b7 bytes of text a chunk
//   c8 of the prompt were cached; fault-11 also takes zero (as without), absurd, twice, delta
//
// One chunk is one token. Text is the same on every run.
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mock {

struct Request {
    int64_t id = 0;  // 1, 2, ... since the last reset
    std::string method, path;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    // Out of the body:
    std::string model;
    bool stream = false, include_usage = false;
    int64_t n_output_max = 0;     // max_completion_tokens, max_tokens, max_output_tokens; 0: none
    int64_t n_prompt_tokens = 0;  // bytes of all message contents / 4 + 3
};

struct Step {
    enum class Kind : uint8_t {
        send,
        wait,
        close,  // after what was sent
        reset,
        hang,  // until the client goes
    };
    Kind kind = Kind::send;
    std::string bytes;
    std::chrono::milliseconds delay{0};
    int64_t n_output = 0;     // tokens in `bytes`
    int64_t n_reasoning = 0;  // of n_output
};

// The next step; nothing: the answer is complete and the connection may be used again.
using Script = std::function<std::optional<Step>()>;

Script script_of(const std::vector<Step>& steps);
// Reads the members above out of `request.body`.
void read_body(Request& request);
Script script_for(const Request& request);

}  // namespace mock
