#include "gateway/chat/answer_fields.h"

#include <algorithm>

#include "gateway/chat/rate_gate.h"

namespace gateway {

namespace {

using std::chrono::nanoseconds;

void append_stage(std::string& text, std::string_view name, nanoseconds time) {
    const int64_t us = std::max<int64_t>(0, time.count() / 1'000);
    const std::string fraction = std::to_string(1'000 + us % 1'000);
    text.append(name).append(";dur=").append(std::to_string(us / 1'000));
    text.append(".").append(fraction, 1).append(", ");
}

// Server-Timing (W3C), in milliseconds. The stages add up to the total: `answer` is from the plan
// to the first event of a stream, or to the whole answer, the writing of RESERVE beside it.
std::string timing_of(const RequestRecord& record, nanoseconds elapsed) {
    std::string text;
    append_stage(text, "parse", record.parse);
    append_stage(text, "plan", record.plan);
    append_stage(text, "answer", elapsed - record.parse - record.plan - record.settle);
    append_stage(text, "settle", record.settle);
    append_stage(text, "total", elapsed);
    text.resize(text.size() - 2);
    return text;
}

}  // namespace

HttpFields answer_fields(const AnswerFacts& facts) {
    const RequestRecord& record = facts.record;
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(facts.elapsed);
    HttpFields fields;  // filled in place: an initializer list would copy each text twice
    fields.reserve(10);
    fields.emplace_back("x-request-id", record.request_id);
    fields.emplace_back("openai-version", "2020-10-01");
    fields.emplace_back("openai-processing-ms", std::to_string(elapsed.count()));
    fields.emplace_back("cache-control", "private, no-store");
    fields.emplace_back("server-timing", timing_of(record, facts.elapsed));
    if (!record.client_request_id.empty())
        fields.emplace_back("x-client-request-id", record.client_request_id);
    if (facts.endpoint != nullptr) {
        fields.emplace_back("x-weir-endpoint", *facts.endpoint);
        fields.emplace_back("x-weir-reasoning", record.reasoning);
        fields.emplace_back("x-weir-reason", record.reason);
    }
    append_rate_fields(fields, facts.rates);
    return fields;
}

}  // namespace gateway
