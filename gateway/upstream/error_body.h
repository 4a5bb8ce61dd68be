#pragma once
// What an upstream says when it refuses, out of the shapes that are in use (openai-wire 4.4).
#include <string>
#include <string_view>

namespace gateway {

struct ErrorBody {
    std::string message, type, param, code;  // empty: not said
    int status = 0;                          // an HTTP status that stood in the body; 0: none
};

// Any bytes: OpenAI's envelope, a flat object, {"error":"text"}, {"detail":...}, an array around
// one of them, HTML or nothing. The texts are valid UTF-8 and at most a few KiB.
ErrorBody read_error_body(std::string_view body);

}  // namespace gateway
