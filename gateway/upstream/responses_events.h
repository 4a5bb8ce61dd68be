#pragma once
// Answers of OpenAI's Responses API as Chat Completions: openai-wire 2.3, 2.4 and 2.7.
#include <simdjson.h>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upstream/answer_writer.h"
#include "gateway/upstream/json_parser.h"
#include "gateway/upstream/reasoning_store.h"

namespace gateway {

class ResponsesEvents final : public AnswerReader {
public:
    struct Terms {
        bool include_usage = false;  // the client asked for it
        bool logprobs = false;
        KeepReasoning keep;  // gets the reasoning items as a JSON array
    };
    // `parser` outlives this and is shared by what runs on its thread.
    ResponsesEvents(JsonParser& parser, Terms terms)
        : parser_(parser), terms_(std::move(terms)), writer_(terms_.include_usage) {}

    EventLook event(SseEvent&& event) override;
    EventLook whole(std::string&& body) override;
    const std::optional<Usage>& usage() const override { return usage_; }
    const std::string& finish_reason() const override { return finish_reason_; }
    bool all_ended() const override { return !finish_reason_.empty(); }
    bool asked_ended() const override { return all_ended(); }

private:
    using Object = simdjson::dom::object;

    struct Call {
        std::string id, name;
        bool is_custom = false;
        bool has_arguments = false;  // some were passed on
    };

    static Call call_of(const Object& item);
    static std::string head_of(const Call& call, std::string_view said);
    void take_head(const Object& response);
    void begin_item(const Object& event, EventLook& look);
    void end_item(const Object& event, EventLook& look);
    void text(const Object& event, const char* member, EventLook& look);
    void reasoning(std::string_view text, EventLook& look);
    void arguments(const Object& event, const char* from, EventLook& look);
    void end(const Object& response, EventLook& look);
    // Usage, finish reason, and what is to be kept; a failure if that is no end of an answer.
    std::optional<Failure> judge(const Object& response);
    std::string message_of(const Object& response, ChatChunk& chunk) const;

    JsonParser& parser_;
    const Terms terms_;
    AnswerWriter writer_;
    bool has_text_ = false;                  // of the message at hand, some was passed on
    int64_t summary_index_ = -1;             // of the reasoning summary at hand
    std::map<int64_t, size_t> call_places_;  // by output_index
    std::vector<Call> calls_;
    std::string reasoning_items_;  // JSON, joined by commas
    std::optional<Usage> usage_;
    std::string finish_reason_;
};

}  // namespace gateway
