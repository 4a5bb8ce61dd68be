#include "tests/gateway/scripted_handler.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

namespace test {
namespace {

namespace asio = boost::asio;
using gateway::HttpAnswer;
using gateway::HttpExchange;
using gateway::HttpHead;

HttpAnswer text_answer(std::string body) {
    HttpAnswer answer;
    answer.content_type = "text/plain";
    answer.body = std::move(body);
    return answer;
}

asio::awaitable<void> until_gone(HttpExchange& exchange, Happenings& happenings, std::string path) {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    exchange.on_client_gone([&] {
        happenings.add("gone " + path);
        never.expires_at(asio::steady_timer::time_point::min());
    });
    co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
}

std::string describe(const HttpHead& head, const std::string& body) {
    std::string text = head.method + " " + head.path + " ?" + head.query + "\n";
    for (const auto& [name, value] : head.fields) text += name + "=" + value + "\n";
    return text + "body=" + body + "\npeer=" + head.peer;
}

asio::awaitable<bool> stream(const std::string path, HttpExchange& exchange,
                             ScriptedHandler& handler) {
    exchange.begin_stream("text/event-stream", {{"cache-control", "no-cache"}});
    if (path == "/throw-held") throw std::runtime_error("before the first chunk");
    if (path == "/stream-empty") co_return co_await exchange.end_stream();
    if (path == "/stream-flood") {
        const std::string piece(64 << 10, 'x');
        while (co_await exchange.write(piece)) handler.n_flooded += int64_t{64 << 10};
        co_return false;
    }
    if (!co_await exchange.write("one")) co_return false;
    if (path == "/throw-late") throw std::runtime_error("after the first chunk");
    if (path == "/stream-cut") {
        exchange.abort_stream();
        co_return true;
    }
    if (path == "/stream-hold") {
        co_await until_gone(exchange, handler.happenings, path);
        co_return co_await exchange.write("late");
    }
    if (!co_await exchange.write("two")) co_return false;
    if (!co_await exchange.write("three")) co_return false;
    co_return co_await exchange.end_stream();
}

asio::awaitable<bool> answer(const HttpHead& head, std::string body, HttpExchange& exchange,
                             ScriptedHandler& handler) {
    const std::string& path = head.path;
    HttpAnswer result = text_answer("hello");
    if (path == "/throw") throw std::runtime_error("no answer");
    if (path == "/echo") result.body = std::move(body);
    if (path == "/fields") result.body = describe(head, body);
    if (path == "/close") result.close = true;
    if (path == "/split") {
        result.fields = {{"x-echo", std::string("a\r\nset-cookie: b\0c", 18)},
                         {"bad name", "x"},
                         {"content-length", "999"},
                         {"x-good", "yes"}};
    }
    if (path == "/hold") co_await until_gone(exchange, handler.happenings, path);
    if (path == "/nothing-here") result.status = 404;
    const bool sent = co_await exchange.send(std::move(result));
    co_return sent;
}

}  // namespace

std::optional<HttpAnswer> ScriptedHandler::judge_head(size_t, const HttpHead& head,
                                                      std::shared_ptr<void>& state) {
    happenings.add("judged " + head.path);
    state = std::make_shared<std::string>(head.path);
    if (head.path == "/judge-throw") throw std::runtime_error("judge");
    if (head.path != "/early") return std::nullopt;
    HttpAnswer answer = text_answer("who are you?");
    answer.status = 401;
    return answer;
}

asio::awaitable<void> ScriptedHandler::handle(size_t, const HttpHead& head, std::string body,
                                              std::shared_ptr<void> state, HttpExchange& exchange) {
    ++n_handled;
    happenings.add("handled " + head.path);
    const std::string path = *std::static_pointer_cast<std::string>(state);
    if (path == "/silent") co_return;
    const bool is_stream = path.starts_with("/stream") || path.starts_with("/throw-");
    bool sent = false;
    if (is_stream) {
        sent = co_await stream(path, exchange, *this);
    } else {
        sent = co_await answer(head, std::move(body), exchange, *this);
    }
    happenings.add((sent ? "sent " : "failed ") + path);
}

HttpAnswer ScriptedHandler::refusal(int status, std::string_view reason) {
    HttpAnswer answer = text_answer(std::string(reason));
    answer.status = status;
    return answer;
}

}  // namespace test
