#pragma once
// What the server hands to the code behind it, and what it takes back. No Beast type crosses this
// line.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

namespace asio = boost::asio;
using TimePoint = std::chrono::steady_clock::time_point;

struct HttpHead {
    std::string method;  // as sent: "GET"
    std::string target;  // as sent, checked: path and query
    std::string path;    // decoded once, without the query; one trailing slash removed
    std::string query;   // raw
    std::vector<std::pair<std::string, std::string>> fields;  // names in lower case, order kept
    std::optional<int64_t> content_length;                    // absent: none or chunked
    bool has_body = false;
    std::string peer;    // "127.0.0.1:50412"
    TimePoint received;  // first byte of the head

    // The field's value, or empty. Framing has made sure that security-relevant fields occur once.
    std::string_view field(std::string_view lower_case_name) const;
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpAnswer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    HttpFields
        fields;  // beyond the ones that the server adds: date, server, content-length, connection
    bool close = false;
};

// One request being answered: exactly one of send() and begin_stream() is called. Confined to the
// connection's io thread; lives until handle() has returned.
class HttpExchange {
public:
    virtual ~HttpExchange() = default;
    // Whole answer, one buffer. False: the client is gone.
    virtual asio::awaitable<bool> send(HttpAnswer answer) = 0;
    // Status 200 and head of a chunked (HTTP/1.0: close-delimited) answer. Sent with the first
    // write.
    virtual void begin_stream(std::string_view content_type, HttpFields fields) = 0;
    // One chunk of bytes, sent at once, gathered with the head if that is still unsent. Waits until
    // the kernel took it, at most limits.write_timeout. False: the client is gone; stop producing.
    virtual asio::awaitable<bool> write(std::string_view bytes) = 0;
    // The same for a stream whose head is out, without waiting. False: the kernel did not take all
    // of it; the rest is kept and goes out with the next write(), which must come, and may be
    // empty.
    virtual bool write_now(std::string_view bytes) = 0;
    // The terminating chunk. False: the client is gone.
    virtual asio::awaitable<bool> end_stream() = 0;
    // The answer ends here, incomplete or not begun: no terminating chunk, the connection closes.
    virtual void abort_stream() = 0;
    // Called once, on the io thread, when the client hangs up while the answer is being made (its
    // FIN counts unless listen.half_closed_clients) or when the server must end at once. At once if
    // it already has.
    virtual void on_client_gone(std::function<void()> callback) = 0;
    virtual bool client_gone() const = 0;
};

// What the server calls; one for all connections, used from every io thread.
class HttpHandler {
public:
    virtual ~HttpHandler() = default;
    // What every answer to this request carries, whoever makes it; asked first.
    virtual HttpFields common_fields(const HttpHead&) { return {}; }
    // Judges a head before any of its body is read: route, method, credentials, media type, size.
    // An answer ends the request: it is sent, the rest of the body is drained within bounds or the
    // connection closed. `state` is handed on to handle().
    virtual std::optional<HttpAnswer> judge_head(size_t io_thread, const HttpHead& head,
                                                 std::shared_ptr<void>& state) = 0;
    // The whole body is here. Must answer before it returns; if it throws or does not answer: 500.
    virtual asio::awaitable<void> handle(size_t io_thread, const HttpHead& head, std::string body,
                                         std::shared_ptr<void> state, HttpExchange& exchange) = 0;
    // The body for a refusal that the server makes itself: 400 framing, 408, 413, 414, 431, 500,
    // 503.
    virtual HttpAnswer refusal(int status, std::string_view reason) = 0;
};

}  // namespace gateway
