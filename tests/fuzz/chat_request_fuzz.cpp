// Any bytes as a request's body: refused with a 400, or taken over with spans that lie inside it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gateway/api/chat_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string body(reinterpret_cast<const char*>(data), size);
    auto request = gateway::parse_chat_request(body, config::Limits());
    if (!request) {
        if (request.error().status != 400 || request.error().message.empty()) std::abort();
        (void)gateway::error_body(request.error());
        return 0;
    }
    if (request->body != body || request->n_prompt_tokens_estimate > request->n_prompt_tokens_bound)
        std::abort();
    size_t at = 0;
    for (const gateway::BodyMember& member : request->members) {
        const bool ordered = at <= member.key_begin && member.key_begin < member.value_begin &&
                             member.value_begin < member.value_end &&
                             member.value_end <= body.size();
        if (!ordered) std::abort();
        at = member.value_end;
    }
    (void)gateway::engine_conversation(*request);
    return 0;
}
