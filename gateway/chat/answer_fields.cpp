#include "gateway/chat/answer_fields.h"

#include "gateway/chat/rate_gate.h"

namespace gateway {

HttpFields answer_fields(const AnswerFacts& facts) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(facts.elapsed);
    HttpFields fields;  // filled in place: an initializer list would copy each text twice
    fields.reserve(9);
    fields.emplace_back("x-request-id", facts.request_id);
    fields.emplace_back("openai-version", "2020-10-01");
    fields.emplace_back("openai-processing-ms", std::to_string(elapsed.count()));
    fields.emplace_back("cache-control", "private, no-store");
    if (!facts.client_request_id.empty())
        fields.emplace_back("x-client-request-id", facts.client_request_id);
    if (facts.endpoint != nullptr) {
        fields.emplace_back("x-weir-endpoint", *facts.endpoint);
        fields.emplace_back("x-weir-reasoning", facts.reasoning);
        fields.emplace_back("x-weir-reason", facts.reason);
    }
    append_rate_fields(fields, facts.rates);
    return fields;
}

}  // namespace gateway
