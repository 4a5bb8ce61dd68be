#include "gateway/server/session.h"

#include <algorithm>
#include <array>

#include "gateway/server/body_reader.h"
#include "gateway/server/exchange.h"
#include "gateway/server/request_head.h"

namespace gateway {
namespace {

using Clock = std::chrono::steady_clock;
using Input = Connection::Input;

// A body of a request that was answered early is read and dropped up to here, and the connection
// kept.
constexpr int64_t kDroppedBodyBytesMax = 64 << 10;

FramingLimits framing_limits(const config::Limits& limits) {
    return {.head_bytes_max = static_cast<size_t>(limits.head_bytes_max),
            .n_fields_max = static_cast<size_t>(limits.n_head_fields_max),
            .target_bytes_max = static_cast<size_t>(limits.target_bytes_max)};
}

enum class After : uint8_t {
    keep,    // the next request
    linger,  // close, the answer first
    close,   // close at once
};

// One request, in the order in which it is judged: framing, head, size, body, handler.
class Request {
public:
    Request(Connection& connection, bool is_first)
        : connection_(connection), limits_(connection.limits()), is_first_(is_first) {}

    asio::awaitable<After> serve();

private:
    asio::awaitable<After> serve_head();
    asio::awaitable<After> serve_body(std::shared_ptr<void> state);
    asio::awaitable<After> answer_early(HttpAnswer answer);
    asio::awaitable<After> refuse(Refusal refusal);
    asio::awaitable<After> handle(std::string body, std::shared_ptr<void> state);
    asio::awaitable<bool> invite_body();
    TimePoint request_deadline() const { return head_.http.received + limits_.request_timeout; }

    Connection& connection_;
    const config::Limits& limits_;
    const bool is_first_;
    RequestHead head_;
    HttpFields common_;  // of every answer
};

asio::awaitable<After> Request::serve() {
    if (connection_.input().empty()) {
        const auto patience = is_first_ ? limits_.head_timeout : limits_.idle_timeout;
        const Input input = co_await connection_.first_byte(Clock::now() + patience);
        if (input != Input::arrived) co_return After::close;
    }
    const TimePoint received = Clock::now();
    const FramingLimits limits = framing_limits(limits_);
    HeadFinder finder;
    tl::expected<size_t, Refusal> n_head = 0;
    for (;;) {
        n_head = finder.find(connection_.input(), limits);
        if (!n_head) co_return co_await refuse(n_head.error());
        if (*n_head > 0) break;
        const Input input = co_await connection_.more(1'024, received + limits_.head_timeout);
        if (input == Input::ended) co_return After::close;
        if (input == Input::timed_out) {
            const Refusal refusal{408, "the request head did not arrive in time"};
            co_return co_await refuse(refusal);
        }
    }
    auto head = read_request_head(connection_.input().substr(0, *n_head), limits);
    if (!head) co_return co_await refuse(head.error());
    connection_.take(*n_head);
    head_ = std::move(*head);
    head_.http.peer = connection_.peer();
    head_.http.received = received;
    co_return co_await serve_head();
}

asio::awaitable<After> Request::refuse(Refusal refusal) {
    connection_.worker().counters().n_framing_errors.fetch_add(1, std::memory_order_relaxed);
    HttpAnswer answer = connection_.worker().handler().refusal(refusal.status, refusal.reason);
    answer.close = true;
    Exchange exchange(connection_, head_.framing, false, common_);
    const bool sent = co_await exchange.send(std::move(answer));
    co_return sent ? After::linger : After::close;
}

asio::awaitable<After> Request::serve_head() {
    IoWorker& worker = connection_.worker();
    std::shared_ptr<void> state;
    std::optional<HttpAnswer> early;
    try {
        common_ = worker.handler().common_fields(head_.http);
        early = worker.handler().judge_head(worker.index(), head_.http, state);
    } catch (...) {
        early = worker.handler().refusal(500, "the server failed");
        early->close = true;
    }
    if (!early && head_.framing.content_length.value_or(0) > limits_.body_bytes_max) {
        early = worker.handler().refusal(413, "the request body is too large");
        early->close = true;
    }
    if (early) co_return co_await answer_early(std::move(*early));
    co_return co_await serve_body(std::move(state));
}

// The answer goes out before the body is read. What of the body still comes is dropped if it is
// small and sure to come; else the connection ends.
asio::awaitable<After> Request::answer_early(HttpAnswer answer) {
    const Framing& framing = head_.framing;
    const bool is_droppable = !framing.chunked && !framing.expects_continue &&
                              framing.content_length.value_or(0) <= kDroppedBodyBytesMax;
    if (!is_droppable) answer.close = true;
    Exchange exchange(connection_, framing, head_.http.method == "HEAD", common_);
    if (!co_await exchange.send(std::move(answer))) co_return After::close;
    if (!exchange.keep_alive()) co_return After::linger;
    BodyReader reader(connection_, framing, request_deadline());
    const auto body = co_await reader.read();
    co_return body ? After::keep : After::close;
}

asio::awaitable<bool> Request::invite_body() {
    std::array<asio::const_buffer, 1> all{asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25)};
    co_return co_await connection_.write(all);
}

asio::awaitable<After> Request::serve_body(std::shared_ptr<void> state) {
    const Framing& framing = head_.framing;
    if (!framing.has_body()) co_return co_await handle({}, std::move(state));
    if (framing.expects_continue && connection_.input().empty()) {
        if (!co_await invite_body()) co_return After::close;
    }
    BodyReader reader(connection_, framing, request_deadline());
    auto body = co_await reader.read();
    if (body) co_return co_await handle(std::move(*body), std::move(state));
    if (!body.error()) co_return After::close;
    co_return co_await refuse(*body.error());
}

asio::awaitable<After> Request::handle(std::string body, std::shared_ptr<void> state) {
    IoWorker& worker = connection_.worker();
    Exchange exchange(connection_, head_.framing, head_.http.method == "HEAD", common_);
    connection_.watch(request_deadline());
    try {
        co_await worker.handler().handle(worker.index(), head_.http, std::move(body),
                                         std::move(state), exchange);
    } catch (...) {
        // Answered below: the exchange knows how far it got.
    }
    connection_.unwatch();
    if (connection_.is_gone()) co_return After::close;

    using State = Exchange::State;
    if (exchange.state() == State::head_held) exchange.forget_stream();
    if (exchange.state() == State::unanswered) {
        HttpAnswer answer = worker.handler().refusal(500, "the server failed");
        answer.close = true;
        if (!co_await exchange.send(std::move(answer))) co_return After::close;
    }
    if (exchange.state() == State::streaming) exchange.abort_stream();
    if (exchange.needs_reset()) connection_.reset();
    co_return exchange.keep_alive() ? After::keep : After::linger;
}

}  // namespace

asio::awaitable<void> run_session(std::shared_ptr<Connection> connection) {
    if (!co_await connection->handshake()) {
        connection->close();
        co_return;
    }
    After after = After::keep;
    for (bool is_first = true; after == After::keep; is_first = false) {
        // On the heap and gone between requests: an idle connection holds no head.
        const auto request = std::make_unique<Request>(*connection, is_first);
        after = co_await request->serve();
    }
    if (after == After::linger) co_await connection->linger();
    connection->close();
}

}  // namespace gateway
