#pragma once
// Looks into everything that an upstream answers in the Chat Completions dialect and passes its
// bytes on. Changed are only: obfuscation, which we add ourselves, a usage that the client did not
// ask for, or that stands beside a choice, members that differ from chunk to chunk and must not, a
// role said again and deltas of nothing, the other name of reasoning, finish reasons that clients
// do not know, tool calls that clients cannot put together, line ends between tokens.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upstream/answer_reader.h"
#include "gateway/upstream/constant_members.h"
#include "gateway/upstream/reasoning_tap.h"

namespace gateway {

struct JsonParser;
struct ChoiceLook;

class ChatEvents final : public AnswerReader {
public:
    // `parser` outlives this and is shared by what runs on its thread.
    ChatEvents(JsonParser& parser, int n_choices, bool include_usage);
    ~ChatEvents() override;
    // Whom the first choice's reasoning is told, if it calls tools or `follows_results` of calls.
    void tap(KeepReasoning keep, bool follows_results) {
        tap_.emplace(std::move(keep), follows_results);
    }

    EventLook event(SseEvent&& event) override;
    EventLook whole(std::string&& body) override;
    const std::optional<Usage>& usage() const override { return usage_; }
    // Of choice 0, else of the first that ended.
    const std::string& finish_reason() const override { return finish_reason_; }
    bool all_ended() const override;
    bool asked_ended() const override;

private:
    struct Choice;
    struct Document;

    EventLook look(std::string&& data, bool streamed);
    EventLook look_at_choices(const Document& document, std::string&& data, bool streamed);
    std::optional<ChatChunk> arguments_before(std::string_view data) const;
    std::optional<Failure> note_choice(const ChoiceLook& look);
    void note_finish(int64_t index, std::string_view word);
    std::string for_client(const Document& document, std::string&& data, bool streamed);

    JsonParser& parser_;
    const int n_choices_;
    const bool include_usage_;
    std::vector<Choice> choices_;    // by index
    std::vector<ChoiceLook> looks_;  // at the choices of the event at hand
    ConstantMembers constants_;
    std::optional<Usage> usage_;
    std::string finish_reason_;
    std::optional<ReasoningTap> tap_;
    bool chunk_seen_ = false;
};

}  // namespace gateway
