#pragma once
// The events of one streamed answer on their way to the client: they gather here and leave
// together.
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <random>
#include <string>
#include <string_view>

#include "gateway/chat/answer_keeper.h"
#include "gateway/server/http_types.h"

namespace gateway {

// Confined to the io thread of its exchange, which outlives it.
class EventStream {
public:
    explicit EventStream(HttpExchange& exchange) : exchange_(exchange) {}

    // The head of the answer; it leaves with the first write.
    void begin(HttpFields fields);
    static constexpr std::string_view kContentType = "text/event-stream; charset=utf-8";
    bool began() const { return began_; }

    // From now on every event that is an object gets a random text `obfuscation`, so that its
    // length on the wire does not tell that of the token in it. `dice` outlives this.
    void obfuscate(std::mt19937_64& dice) { dice_ = &dice; }
    // Events go to `keeper` too, as they are written. It outlives this.
    void keep(AnswerKeeper& keeper) { keeper_ = &keeper; }
    void event(std::string_view data);
    void comment(std::string_view text);
    void done();
    // Something has not left yet.
    bool is_pending() const { return !events_.empty() || has_rest_; }
    void drop() { events_.clear(); }

    // Writes what has gathered. False: the client is gone.
    asio::awaitable<bool> write();
    // Writes without waiting. False: something is left, and write() must follow.
    bool write_now();
    // Writes, and ends the answer as a whole one. False: the client is gone.
    asio::awaitable<bool> end();
    // Ends it as a broken one, after a write().
    void abort() { exchange_.abort_stream(); }

    TimePoint last_write() const { return last_write_; }

private:
    HttpExchange& exchange_;
    std::mt19937_64* dice_ = nullptr;
    AnswerKeeper* keeper_ = nullptr;
    std::string events_;
    TimePoint last_write_ = std::chrono::steady_clock::now();
    bool began_ = false;
    bool has_rest_ = false;  // the exchange keeps what the kernel did not take
};

}  // namespace gateway
