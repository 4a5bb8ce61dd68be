#pragma once
// One try of one endpoint, remote or local: a stream of events that ends once. The attempt loop
// (chat_relay.cpp) consumes it; upstream/ and engine_attempt.cpp produce it.
//
// Threads: one io thread; an attempt never leaves it. Destroying an unfinished attempt cancels it.
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "billing/types.h"
#include "config/config.h"

namespace gateway {

namespace asio = boost::asio;
using TimePoint = std::chrono::steady_clock::time_point;

// Usage as a producer stated it. Absent is not 0.
struct Usage {
    int64_t n_prompt = 0;       // cached included
    int64_t n_cache_read = 0;   // of n_prompt
    int64_t n_cache_write = 0;  // of n_prompt
    int64_t n_output = 0;       // reasoning included
    int64_t n_reasoning = 0;    // of n_output
};

// One event of an answer, in the Chat Completions dialect, ready to be written after "data: ".
// Streamed: one chunk object. Unstreamed: the whole completion object, once.
struct ChatChunk {
    std::string data;          // JSON without line ends, valid UTF-8
    bool usage_only = false;   // choices is []: only for clients that asked for usage
    int64_t n_text_bytes = 0;  // bytes of content, reasoning and arguments in it: for counted usage
    int64_t n_reasoning_bytes = 0;  // of n_text_bytes
};

struct AttemptEnd {
    enum class Kind : uint8_t {
        complete,   // the producer finished its answer: a terminal finish_reason was seen
        failed,     // see failure
        cancelled,  // by us
    };
    Kind kind = Kind::complete;
    bool is_unsent = false;  // kind cancelled: while it waited, nobody was asked for anything
    config::FailureClass failure = config::FailureClass::server_error;  // kind failed
    std::string detail;          // for the log; never contains keys or content
    std::optional<Usage> usage;  // the newest stated
    billing::CountSource source = billing::CountSource::upstream;
    std::string finish_reason;  // stop, length, tool_calls, content_filter; empty if none was seen
    int upstream_status = 0;    // HTTP status of the upstream's answer; 0: none came
    std::string upstream_request;  // the upstream's own id: visible ASCII; empty if it told none
    // kind failed, failure caller_fault, content_policy or context_exceeded: the upstream's own
    // words, to be told to the client (error.message, error.type, error.param, error.code).
    std::string message, type, param, code;
    std::optional<std::chrono::milliseconds> retry_after;
};

// What has happened since the last call: chunks in order, then maybe the end. Empty only after
// wake().
struct AttemptBatch {
    std::vector<ChatChunk> chunks;
    std::optional<AttemptEnd> end;
};

// Takes chunks out of hand while next() waits: a stream that flows is never resumed for them.
class ChunkTaker {
public:
    virtual ~ChunkTaker() = default;
    // True: `chunks` were taken and the wait goes on. False: next() returns, with what is still in
    // `chunks`. On the io thread, at a place where coroutines may be resumed; must not resume one.
    virtual bool take_chunks(std::vector<ChatChunk>& chunks) = 0;
};

class Attempt {
public:
    virtual ~Attempt() = default;
    // Waits for chunks or the end. After the end it must not be called again. Never throws.
    // Until the batch has been written to the client, the producer may run ahead by at most
    // limits.stream_buffer_bytes, then it is parked: back-pressure end to end.
    virtual asio::awaitable<AttemptBatch> next() = 0;
    // Stops the producer: next() soon yields an end of kind cancelled (or what it had already ended
    // with), with the usage known by then. May be called at any time, also while next() waits.
    virtual void cancel() = 0;
    // Makes a waiting next() return now, with an empty batch if nothing has happened: the caller
    // has something else to do (a heartbeat). Harmless when nobody waits.
    virtual void wake() {}
    // From now on chunks may go to `taker`, which outlives this. A producer may ignore it.
    virtual void pass_to(ChunkTaker&) {}
};

}  // namespace gateway
