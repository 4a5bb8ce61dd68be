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

#include "gateway/chat/attempt.h"
#include "gateway/upstream/constant_members.h"
#include "gateway/upstream/failure_class.h"
#include "gateway/upstream/sse_parser.h"

namespace gateway {

struct JsonParser;
struct ChoiceLook;

// What one event, or a whole answer, came to.
struct EventLook {
    enum class Kind : uint8_t {
        chunk,
        skip,    // says nothing
        done,    // [DONE]
        failed,  // the upstream broke off: an error, or something that is no answer
    };
    Kind kind = Kind::skip;
    ChatChunk chunk;                  // kind chunk
    std::optional<ChatChunk> before;  // and what the client is told before it
    std::optional<Failure> failure;   // kind failed
};

class ChatEvents {
public:
    // `parser` outlives this and is shared by what runs on its thread.
    ChatEvents(JsonParser& parser, int n_choices, bool include_usage);
    ~ChatEvents();

    EventLook event(SseEvent&& event);                            // of a streamed answer
    EventLook whole(std::string&& body);                          // an unstreamed one
    const std::optional<Usage>& usage() const { return usage_; }  // the newest stated
    // Of choice 0, else of the first that ended; empty if none has.
    const std::string& finish_reason() const { return finish_reason_; }
    // Whether every choice that began has ended: asked at [DONE].
    bool all_ended() const;
    // Whether every choice that was asked for has ended: asked where the stream stops without
    // [DONE].
    bool asked_ended() const;

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
    bool chunk_seen_ = false;
};

}  // namespace gateway
