#include "gateway/upstream/answer_writer.h"

#include <utility>

#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

std::string usage_json(const Usage& usage, bool tells_reasoning) {
    return R"({"prompt_tokens":)" + std::to_string(usage.n_prompt) + R"(,"completion_tokens":)" +
           std::to_string(usage.n_output) + R"(,"total_tokens":)" +
           std::to_string(usage.n_prompt + usage.n_output) +
           R"(,"prompt_tokens_details":{"cached_tokens":)" + std::to_string(usage.n_cache_read) +
           (tells_reasoning ? R"(},"completion_tokens_details":{"reasoning_tokens":)" +
                                  std::to_string(usage.n_reasoning) + "}}"
                            : std::string("}}"));
}

void push(ChatChunk&& chunk, EventLook& look) {
    if (std::exchange(look.kind, EventLook::Kind::chunk) == EventLook::Kind::skip)
        look.chunk = std::move(chunk);
    else
        look.more.push_back(std::move(chunk));
}

}  // namespace

std::string call_head(std::string_view id, std::string_view name, std::string_view arguments) {
    return R"("id":)" + json_string(id) + R"(,"type":"function","function":{"name":)" +
           json_string(name) + R"(,"arguments":)" + json_string(arguments) + "}";
}

void AnswerWriter::begin(EventLook& look, bool begins_with_call) {
    if (std::exchange(has_begun_, true)) return;
    push({chunk(std::string(R"("role":"assistant","content":)") +
                    (begins_with_call ? "null" : R"("")") + R"(,"refusal":null)",
                "null", "null")},
         look);
}

void AnswerWriter::add(AnswerPiece piece, EventLook& look) {
    begin(look, piece.members.starts_with(R"("tool_calls")"));
    push({chunk(piece.members, piece.logprobs, "null"), false, piece.n_text_bytes,
          piece.n_reasoning_bytes},
         look);
}

void AnswerWriter::end(const std::string& finish_reason, const std::optional<Usage>& usage,
                       EventLook& look) {
    begin(look);
    push({chunk("", "null", json_string(finish_reason))}, look);
    if (!include_usage_ || !usage) return;
    ChatChunk last;
    last.data = head("chat.completion.chunk") + R"(,"choices":[],"usage":)" +
                usage_json(*usage, tells_reasoning) + "}";
    last.usage_only = true;
    push(std::move(last), look);
}

std::string AnswerWriter::whole(std::string_view choice, const std::optional<Usage>& usage) const {
    std::string out = head("chat.completion") + R"(,"choices":[)";
    out += choice;
    out += ']';
    if (usage) out += R"(,"usage":)" + usage_json(*usage, tells_reasoning);
    return out += '}';
}

std::string AnswerWriter::head(std::string_view object) const {
    std::string out = R"({"id":)" + json_string(id) + R"(,"object":")";
    out += object;
    out += R"(","created":)" + std::to_string(created) + R"(,"model":)" + json_string(model);
    if (!tier.empty()) out += R"(,"service_tier":)" + json_string(tier);
    return out += R"(,"system_fingerprint":null)";
}

std::string AnswerWriter::chunk(std::string_view delta, std::string_view logprobs,
                                std::string_view finish) const {
    std::string out = head("chat.completion.chunk") + R"(,"choices":[{"index":0,"delta":{)";
    out += delta;
    out += R"(},"logprobs":)";
    out += logprobs;
    out += R"(,"finish_reason":)";
    out += finish;
    out += "}]";
    return out += include_usage_ ? R"(,"usage":null})" : "}";
}

}  // namespace gateway
