#pragma once
// Which of the parameters that a thinking model may not bear a request sets. For .cpp files only.
#include "config/thinking.h"
#include "gateway/api/request_fields.h"

namespace gateway {

// Of fields that were checked. null, n of 1, logprobs of false and a tool_choice that forces no
// call set nothing.
config::ParamSet read_params(const RequestFields& fields);

}  // namespace gateway
