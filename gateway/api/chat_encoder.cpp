#include "gateway/api/chat_encoder.h"

#include "gateway/api/api_error.h"
#include "gateway/api/json_text.h"

namespace gateway {

namespace {

void append_head(std::string& out, const AnswerHead& head, std::string_view object) {
    out += R"({"id":)";
    append_json_string(out, head.id);
    out += R"(,"object":")";
    out += object;
    out += R"(","created":)";
    append_number(out, head.created);
    out += R"(,"model":)";
    append_json_string(out, head.model);
    out += head.is_flex ? R"(,"service_tier":"flex")" : R"(,"service_tier":"default")";
    out += R"(,"system_fingerprint":)";
    append_json_string_or_null(out, head.fingerprint.empty() ? nullptr : &head.fingerprint);
}

// A token may be a part of a character: such bytes are written \xNN inside the text.
std::string token_text(std::string_view bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    while (!bytes.empty()) {
        const size_t n = utf8_character(bytes);
        if (n > 0) {
            text += bytes.substr(0, n);
        } else {
            const auto byte = static_cast<unsigned char>(bytes.front());
            text += "\\x";
            text += kHex[byte >> 4];
            text += kHex[byte & 15];
        }
        bytes.remove_prefix(n > 0 ? n : 1);
    }
    return text;
}

// The members of an entry, without braces.
void append_token(std::string& out, std::string_view bytes, float logprob) {
    out += R"("token":)";
    append_json_string(out, token_text(bytes));
    out += R"(,"logprob":)";
    append_logprob(out, logprob);
    out += R"(,"bytes":[)";
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (i > 0) out += ',';
        append_number(out, static_cast<unsigned char>(bytes[i]));
    }
    out += ']';
}

void append_logprobs(std::string& out, const std::vector<engine::TokenLogprob>& logprobs) {
    out += R"({"content":[)";
    for (const engine::TokenLogprob& token : logprobs) {
        if (&token != &logprobs.front()) out += ',';
        out += '{';
        append_token(out, token.bytes, token.logprob);
        out += R"(,"top_logprobs":[)";
        for (size_t i = 0; i < token.top.size(); ++i) {
            out += i > 0 ? ",{" : "{";
            append_token(out, token.top[i].first, token.top[i].second);
            out += '}';
        }
        out += "]}";
    }
    out += R"(],"refusal":null})";
}

void append_usage(std::string& out, const Usage& usage) {
    out += R"({"prompt_tokens":)";
    append_number(out, usage.n_prompt);
    out += R"(,"completion_tokens":)";
    append_number(out, usage.n_output);
    out += R"(,"total_tokens":)";
    append_number(out, usage.n_prompt + usage.n_output);
    out += R"(,"prompt_tokens_details":{"cached_tokens":)";
    append_number(out, usage.n_cache_read);
    if (usage.n_cache_write > 0) {
        out += R"(,"cache_write_tokens":)";
        append_number(out, usage.n_cache_write);
    }
    out += R"(,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":)";
    append_number(out, usage.n_reasoning);
    out += R"(,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}})";
}

// The members of a call that stand beside its index.
void append_call_head(std::string& out, const engine::ToolCallDelta& call) {
    out += R"("id":)";
    append_json_string(out, call.id);
    out += R"(,"type":"function",)";
}

void append_function(std::string& out, const engine::ToolCallDelta& call) {
    out += R"("function":{)";
    if (!call.id.empty()) {
        out += R"("name":)";
        append_json_string(out, call.name);
        out += ',';
    }
    out += R"("arguments":)";
    append_json_string(out, call.arguments);
    out += '}';
}

// Pieces of a stream: id, type and name stand in the first piece of a call only.
void append_call_pieces(std::string& out, const std::vector<engine::ToolCallDelta>& calls) {
    out += R"("tool_calls":[)";
    for (const engine::ToolCallDelta& call : calls) {
        out += &call != &calls.front() ? R"(,{"index":)" : R"({"index":)";
        append_number(out, call.index);
        out += ',';
        if (!call.id.empty()) append_call_head(out, call);
        append_function(out, call);
        out += '}';
    }
    out += ']';
}

void append_calls(std::string& out, const std::vector<engine::ToolCallDelta>& calls) {
    out += R"("tool_calls":[)";
    for (const engine::ToolCallDelta& call : calls) {
        out += &call != &calls.front() ? ",{" : "{";
        append_call_head(out, call);
        append_function(out, call);
        out += '}';
    }
    out += ']';
}

}  // namespace

ChunkEncoder::ChunkEncoder(AnswerHead head, bool with_usage, bool with_logprobs)
    : with_usage_(with_usage), with_logprobs_(with_logprobs) {
    append_head(open_, head, "chat.completion.chunk");
}

std::string ChunkEncoder::role_chunk(Opening opening) const {
    std::string out = open_;
    out += R"(,"choices":[{"index":0,"delta":{"role":"assistant","content":)";
    out += opening == Opening::calls ? "null" : R"("")";
    out += R"(,"refusal":null},"logprobs":)";
    out += with_logprobs_ ? R"({"content":[],"refusal":null})" : "null";
    out += R"(,"finish_reason":null}])";
    return out += with_usage_ ? R"(,"usage":null})" : "}";
}

std::string ChunkEncoder::delta_chunk(const engine::TokenDelta& delta) const {
    std::string out;
    out.reserve(open_.size() + delta.content.size() + delta.reasoning.size() + 128);
    out += open_;
    out += R"(,"choices":[{"index":0,"delta":{)";
    if (!delta.reasoning.empty()) {
        out += R"("reasoning_content":)";
        append_json_string(out, delta.reasoning);
    }
    if (!delta.content.empty() || (delta.reasoning.empty() && delta.calls.empty())) {
        if (out.back() != '{') out += ',';
        out += R"("content":)";
        append_json_string(out, delta.content);
    }
    if (!delta.calls.empty()) {
        if (out.back() != '{') out += ',';
        append_call_pieces(out, delta.calls);
    }
    out += R"(},"logprobs":)";
    if (with_logprobs_ && !delta.logprobs.empty()) {
        append_logprobs(out, delta.logprobs);
    } else {
        out += "null";
    }
    out += R"(,"finish_reason":null}])";
    return out += with_usage_ ? R"(,"usage":null})" : "}";
}

std::string ChunkEncoder::finish_chunk(std::string_view finish_reason) const {
    std::string out = open_;
    out += R"(,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":)";
    append_json_string(out, finish_reason);
    out += "}]";
    return out += with_usage_ ? R"(,"usage":null})" : "}";
}

std::string ChunkEncoder::usage_chunk(const Usage& usage) const {
    std::string out = open_;
    out += R"(,"choices":[],"usage":)";
    append_usage(out, usage);
    return out += '}';
}

std::string completion(const AnswerHead& head, const engine::TokenDelta& whole,
                       std::string_view finish_reason, const Usage& usage, bool with_logprobs) {
    std::string out;
    out.reserve(whole.content.size() + whole.reasoning.size() + 768);
    append_head(out, head, "chat.completion");
    out += R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)";
    const bool has_content = whole.calls.empty() || !whole.content.empty();
    append_json_string_or_null(out, has_content ? &whole.content : nullptr);
    if (!whole.reasoning.empty()) {
        out += R"(,"reasoning_content":)";
        append_json_string(out, whole.reasoning);
    }
    if (!whole.calls.empty()) {
        out += ',';
        append_calls(out, whole.calls);
    }
    out += R"(,"refusal":null,"annotations":[]},"logprobs":)";
    if (with_logprobs) {
        append_logprobs(out, whole.logprobs);
    } else {
        out += "null";
    }
    out += R"(,"finish_reason":)";
    append_json_string(out, finish_reason);
    out += R"(}],"usage":)";
    append_usage(out, usage);
    return out += '}';
}

std::string error_event(const ApiError& error) {
    return error_body(error);
}

}  // namespace gateway
