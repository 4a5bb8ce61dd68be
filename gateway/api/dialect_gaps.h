#pragma once
// What of a chat request the other dialects of upstreams have no words for. For .cpp files only.
#include <string_view>

#include "gateway/api/request_fields.h"

namespace gateway {

// The first such member, or what is asked of it; empty: there is none. `request` holds what was
// read of the fields; tools and what ParamSet knows are not looked at.
std::string_view missing_in_responses(const RequestFields& fields,
                                      const ChatRequest& request);  // openai-wire 2.7
std::string_view missing_in_messages(const RequestFields& fields,
                                     const ChatRequest& request);  // openai-wire 5.8

}  // namespace gateway
