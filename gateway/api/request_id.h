#pragma once
// Names for requests, answers and calls. Unique by 122 random bits and more; not secrets. Any
// thread.
#include <string>

namespace gateway {

std::string new_request_id();     // "req_" and 32 hex digits, for what holds no money
std::string new_completion_id();  // "chatcmpl-" and 29 letters or digits
std::string new_call_id();        // "call_" and 24, where an upstream names none

}  // namespace gateway
