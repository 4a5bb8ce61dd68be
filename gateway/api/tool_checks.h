#pragma once
// Tools, their forerunners `functions`, and what of them is to be called. For .cpp files only.
#include "gateway/api/request_fields.h"

namespace gateway {

struct ToolFacts {
    int64_t n_tools = 0;         // functions included
    bool has_custom = false;     // custom tools, or functions
    bool has_functions = false;  // `functions` itself
};

// functions, function_call, tools, tool_choice, parallel_tool_calls, in this order.
Fault check_tools(const RequestFields& fields, ToolFacts& facts);

// 1 to 64 of [A-Za-z0-9_-].
bool is_tool_name(std::string_view name);

}  // namespace gateway
