#pragma once
// Reads what an upstream answers, whatever its dialect, as Chat Completions for the client.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/chat/attempt.h"
#include "gateway/upstream/failure_class.h"
#include "gateway/upstream/sse_parser.h"

namespace gateway {

// What one event, or a whole answer, came to.
struct EventLook {
    enum class Kind : uint8_t {
        chunk,
        skip,    // says nothing
        done,    // [DONE]
        failed,  // the upstream broke off: an error, or something that is no answer
    };
    Kind kind = Kind::skip;
    ChatChunk chunk;                 // kind chunk
    std::vector<ChatChunk> more;     // kind chunk: behind it, from the same event
    bool is_last = false;            // kind chunk: nothing comes behind this event
    std::optional<Failure> failure;  // kind failed
};

EventLook broken(Failure failure);
// An error event, or an error in an answer's place: told by its text.
EventLook said_error(std::string_view data);

// Of one answer; confined to its io thread.
class AnswerReader {
public:
    virtual ~AnswerReader() = default;
    virtual EventLook event(SseEvent&& event) = 0;          // of a streamed answer
    virtual EventLook whole(std::string&& body) = 0;        // an unstreamed one
    virtual const std::optional<Usage>& usage() const = 0;  // the newest stated
    virtual const std::string& finish_reason() const = 0;   // empty: none came
    // Whether every choice that began has ended: asked at [DONE].
    virtual bool all_ended() const = 0;
    // Whether every choice that was asked for has ended: asked where the stream stops without
    // [DONE].
    virtual bool asked_ended() const = 0;
};

}  // namespace gateway
