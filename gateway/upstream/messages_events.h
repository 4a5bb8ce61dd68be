#pragma once
// Answers of Anthropic's Messages API as Chat Completions: openai-wire 5.2, 5.3 and 5.8.
#include <simdjson.h>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upstream/answer_writer.h"
#include "gateway/upstream/json_parser.h"
#include "gateway/upstream/reasoning_store.h"

namespace gateway {

class MessagesEvents final : public AnswerReader {
public:
    struct Terms {
        bool include_usage = false;  // the client asked for it
        int64_t created = 0;         // seconds since 1970: the API tells no time
        // Gets the blocks of an answer that thinks and calls, as a JSON array in their order:
        // thinking and redacted_thinking as they came, texts, and the calls by id alone. Absent:
        // nothing is kept.
        KeepReasoning keep;
    };
    // `parser` outlives this and is shared by what runs on its thread.
    MessagesEvents(JsonParser& parser, Terms terms);

    EventLook event(SseEvent&& event) override;
    EventLook whole(std::string&& body) override;
    // Nothing before the answer has ended: what its beginning states is no count of the output.
    const std::optional<Usage>& usage() const override { return usage_; }
    const std::string& finish_reason() const override { return finish_reason_; }
    bool all_ended() const override { return !finish_reason_.empty(); }
    bool asked_ended() const override { return all_ended(); }

private:
    using Object = simdjson::dom::object;

    struct Block {
        enum class Kind : uint8_t { text, thinking, redacted, call, other };
        Kind kind = Kind::other;
        std::string text;       // of a text or a thinking block, as far as it is to be kept
        std::string signature;  // of a thinking block; the data of a redacted one
        size_t call = 0;        // place in calls_
        bool has_text = false;  // some was passed on
    };
    struct Call {
        std::string id, name, arguments;  // arguments: of a whole answer
        bool has_arguments = false;       // some were passed on
    };

    void take_head(const Object& message);
    void begin_block(const Object& event, EventLook& look);
    void begin_call(size_t place, EventLook& look);
    void go_on(const Object& event, EventLook& look);
    void end_block(const Object& event);
    // `delta` and usage of a message_delta; a failure if it ends the answer in no known way.
    std::optional<Failure> end(const Object& event, EventLook& look);

    Block block_of(const Object& content);
    size_t add_call(const Object& content);
    void text(Block& block, std::string_view text, EventLook& look);
    void thinking(Block& block, std::string_view text, EventLook& look);
    void arguments(size_t call, std::string_view text, EventLook& look);
    void fill_silent_calls(EventLook& look);
    void retain(std::string& into, std::string_view text);
    void keep_block(const Block& block);
    void keep_all();
    bool finish(std::string_view stop_reason);
    void note_usage(const Object& from, bool is_final);
    std::string message_of(const std::vector<Block>& blocks, ChatChunk& counts) const;

    JsonParser& parser_;
    const Terms terms_;
    AnswerWriter writer_;
    std::map<int64_t, Block> open_;  // by index
    std::vector<Call> calls_;
    bool has_thought_ = false;       // some reasoning was passed on
    std::vector<std::string> kept_;  // blocks that ended, as JSON
    size_t n_kept_bytes_ = 0;        // of all blocks, open ones too
    bool has_signed_ = false;        // a thinking block is among them
    std::optional<Usage> begun_;     // as the beginning stated it
    std::optional<Usage> usage_;
    std::string finish_reason_;
};

}  // namespace gateway
