#pragma once
// The fields of a chat request that are no messages, tools or thinking. For .cpp files only.
#include "gateway/api/request_fields.h"

namespace gateway {

// Each checks its fields in the order of openai-wire 1.2 and keeps in `request` what the rest
// needs.
Fault check_sampling(const RequestFields& fields, ChatRequest& request);  // ... to seed
Fault check_identity_and_cache(const RequestFields& fields);  // ... to prompt_cache_retention
Fault check_response_format(const RequestFields& fields, bool messages_say_json);
Fault check_service_tier(const RequestFields& fields, ChatRequest& request);
Fault check_max_tokens(const RequestFields& fields, ChatRequest& request);
Fault check_bias_and_stop(const RequestFields& fields, ChatRequest& request);
Fault check_stream(const RequestFields& fields, ChatRequest& request);
Fault check_rest(const RequestFields& fields);  // store ... verbosity
Fault check_extensions(const RequestFields& fields, ChatRequest& request);
// What no model behind this gateway may be asked.
Fault check_unsupported(const RequestFields& fields);

// Whether some message must say "json".
bool wants_json_word(const RequestFields& fields);
// Whether the answer must be of a schema.
bool wants_json_schema(const RequestFields& fields);

}  // namespace gateway
