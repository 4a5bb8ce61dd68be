#pragma once
// One answer on its way out of a connection.
#include <string>

#include "gateway/server/connection.h"
#include "gateway/server/framing.h"
#include "gateway/server/http_types.h"

namespace gateway {

// Lives in the session's coroutine, within the connection's life.
class Exchange final : public HttpExchange {
public:
    // `head_only`: the request is a HEAD, no body goes out. `common`: fields for the answer, which
    // outlive this.
    Exchange(Connection& connection, const Framing& framing, bool head_only,
             const HttpFields& common);

    asio::awaitable<bool> send(HttpAnswer answer) override;
    void begin_stream(std::string_view content_type, HttpFields fields) override;
    asio::awaitable<bool> write(std::string_view bytes) override;
    bool write_now(std::string_view bytes) override;
    asio::awaitable<bool> end_stream() override;
    void abort_stream() override;
    void on_client_gone(std::function<void()> callback) override;
    bool client_gone() const override { return connection_.is_gone(); }

    // For the session, once the handler has returned.
    enum class State : uint8_t { unanswered, head_held, streaming, ended, aborted };
    State state() const { return state_; }
    bool keep_alive() const { return keep_alive_; }
    // The answer will be the connection's last.
    void close_after() { keep_alive_ = false; }
    // Forgets a stream of which no byte has gone out, for an error in its place.
    void forget_stream();
    // An incomplete answer that its receiver could take for a complete one.
    bool needs_reset() const { return state_ == State::aborted && version_minor_ == 0; }

private:
    bool is_chunked() const { return version_minor_ == 1; }
    void decide_keep_alive();

    Connection& connection_;
    const int version_minor_;
    const bool head_only_;
    const HttpFields& common_;
    bool keep_alive_;
    State state_ = State::unanswered;
    std::string unsent_;  // the stream's head until its first write; what write_now() left over
};

}  // namespace gateway
