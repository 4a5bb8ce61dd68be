#pragma once
// One HTTP request to an upstream and its answer, whoever speaks the protocol: libcurl
// (curl_multi.h), or our own client where neither TLS, HTTP/2 nor a proxy is asked for
// (plain_client.h).
//
// Confined to one io thread. Nobody resumes a coroutine from inside a protocol engine: sinks
// collect bytes there and are told on_turn_end() once it has returned.
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "gateway/chat/attempt.h"
#include "gateway/upstream/header_list.h"

namespace gateway {

// Hears what becomes of one transfer.
class TransferSink {
public:
    enum class Take : uint8_t { more, pause, abort };
    virtual ~TransferSink() = default;
    // Inside the engine: the request is going out over a connection that stands.
    virtual void on_connected() = 0;
    // Inside the engine. `pause`: the bytes are not taken and come again after Transfer::unpause().
    virtual Take on_bytes(std::string_view bytes) = 0;
    // The transfer has ended by itself and its connection is free, or closed. `error` says what
    // broke; null: the answer is whole.
    virtual void on_done(const char* error) = 0;
    // deadline() has passed.
    virtual void on_deadline(TimePoint now) = 0;
    // When to be asked next. May move either way; an earlier one must be told by
    // Transfer::deadline_moved().
    virtual TimePoint deadline() const = 0;
    // Once after some of the above, outside the engine: may resume coroutines and destroy anything.
    virtual void on_turn_end() = 0;
};

// How a connection is made, where it is not as usual. Strings may be empty.
struct Passage {
    std::string proxy;  // its URL
    config::UpstreamTls tls;
};

struct TransferRequest {
    std::string url;
    std::shared_ptr<const Passage> passage;     // null: as usual
    std::string body;                           // POSTed
    std::shared_ptr<const HeaderList> headers;  // built once per upstream key
    std::string own_header;                     // of this request alone; empty: none
};

// Destroyed unfinished, it is taken out at once and its connection closed (HTTP/2: its stream
// reset). Not to be destroyed inside on_bytes, on_done and on_deadline.
class Transfer {
public:
    virtual ~Transfer() = default;
    virtual void start() = 0;        // once
    virtual int status() const = 0;  // of the answer's head; 0: none came
    virtual std::string content_type() const = 0;
    virtual std::string header(const char* name) const = 0;  // empty: not there
    virtual bool is_finished() const = 0;
    virtual void unpause() = 0;
    virtual void deadline_moved() = 0;
    // Another sink hears the rest.
    virtual void hand_over(TransferSink& sink) = 0;
};

}  // namespace gateway
