#include "gateway/server/exchange.h"

#include <array>
#include <charconv>

#include "config/ensure.h"
#include "gateway/server/answer_head.h"

namespace gateway {
namespace {

// Up to here a body is copied behind its head, so that the answer is one buffer; a larger one is
// gathered.
constexpr size_t kJoinedBytesMax = 64 << 10;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

Exchange::Exchange(Connection& connection, const Framing& framing, bool head_only)
    : connection_(connection),
      version_minor_(framing.version_minor),
      head_only_(head_only),
      keep_alive_(framing.keep_alive) {}

void Exchange::decide_keep_alive() {
    if (connection_.worker().is_draining()) keep_alive_ = false;
}

asio::awaitable<bool> Exchange::send(HttpAnswer answer) {
    ENSURE(state_ == State::unanswered);
    state_ = State::ended;
    if (answer.close) keep_alive_ = false;
    decide_keep_alive();
    if (connection_.is_gone()) co_return false;

    const bool is_joined = !head_only_ && answer.body.size() <= kJoinedBytesMax;
    const AnswerHead head{.status = answer.status,
                          .content_type = answer.content_type,
                          .content_length = answer.body.size(),
                          .version_minor = version_minor_,
                          .keep_alive = keep_alive_,
                          .date = connection_.worker().date()};
    std::string bytes = serialize(head, answer.fields, is_joined ? answer.body.size() : 0);
    if (is_joined) bytes.append(answer.body);
    std::array<asio::const_buffer, 2> all{asio::buffer(bytes), asio::const_buffer{}};
    if (!head_only_ && !is_joined) all[1] = asio::buffer(answer.body);
    std::span<asio::const_buffer> buffers(all);
    if (connection_.try_write(buffers)) co_return true;
    co_return co_await connection_.write(buffers);
}

void Exchange::begin_stream(std::string_view content_type, HttpFields fields) {
    ENSURE(state_ == State::unanswered);
    state_ = State::head_held;
    if (!is_chunked()) keep_alive_ = false;
    decide_keep_alive();
    const AnswerHead head{.status = 200,
                          .content_type = content_type,
                          .content_length = std::nullopt,
                          .version_minor = version_minor_,
                          .keep_alive = keep_alive_,
                          .date = connection_.worker().date()};
    head_ = serialize(head, fields, 0);
}

asio::awaitable<bool> Exchange::write(std::string_view bytes) {
    ENSURE(state_ == State::head_held || state_ == State::streaming);
    if (connection_.is_gone()) co_return false;
    state_ = State::streaming;
    const std::string head = std::move(head_);
    head_.clear();
    std::array<asio::const_buffer, 4> all{asio::buffer(head)};
    char size_line[20];
    if (!head_only_ && !bytes.empty()) {
        all[2] = asio::buffer(bytes);
        if (is_chunked()) {
            char* end = std::to_chars(size_line, size_line + 16, bytes.size(), 16).ptr;
            *end++ = '\r';
            *end++ = '\n';
            all[1] = {size_line, static_cast<size_t>(end - size_line)};
            all[3] = {"\r\n", 2};
        }
    }
    // What the kernel takes at once needs no turn of the reactor: every chunk of a stream to a
    // reader.
    std::span<asio::const_buffer> rest(all);
    if (connection_.try_write(rest)) co_return true;
    co_return co_await connection_.write(rest);
}

asio::awaitable<bool> Exchange::end_stream() {
    ENSURE(state_ == State::head_held || state_ == State::streaming);
    state_ = State::ended;
    if (connection_.is_gone()) co_return false;
    std::string head = std::move(head_);
    if (is_chunked() && !head_only_) head.append(kLastChunk);
    std::array<asio::const_buffer, 1> all{asio::buffer(head)};
    co_return co_await connection_.write(all);
}

void Exchange::abort_stream() {
    ENSURE(state_ == State::head_held || state_ == State::streaming);
    state_ = State::aborted;
    keep_alive_ = false;
}

void Exchange::on_client_gone(std::function<void()> callback) {
    connection_.on_gone(std::move(callback));
}

void Exchange::forget_stream() {
    ENSURE(state_ == State::head_held);
    head_.clear();
    state_ = State::unanswered;
}

}  // namespace gateway
