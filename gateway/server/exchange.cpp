#include "gateway/server/exchange.h"

#include <array>
#include <charconv>
#include <utility>

#include "config/ensure.h"
#include "gateway/server/answer_head.h"

namespace gateway {
namespace {

// Up to here a body is copied behind its head, so that the answer is one buffer; a larger one is
// gathered.
constexpr size_t kJoinedBytesMax = 64 << 10;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

// What is unsent and one chunk behind it, as buffers for one gathered write.
class ChunkFrame {
public:
    ChunkFrame(std::string_view unsent, std::string_view bytes, bool is_chunked) {
        buffers_[0] = asio::buffer(unsent);
        if (bytes.empty()) return;
        buffers_[2] = asio::buffer(bytes);
        if (!is_chunked) return;
        char* end = std::to_chars(size_line_, size_line_ + 16, bytes.size(), 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        buffers_[1] = {size_line_, static_cast<size_t>(end - size_line_)};
        buffers_[3] = {"\r\n", 2};
    }
    ChunkFrame(const ChunkFrame&) = delete;
    std::span<asio::const_buffer> buffers() { return buffers_; }

private:
    char size_line_[20];
    std::array<asio::const_buffer, 4> buffers_;
};

}  // namespace

Exchange::Exchange(Connection& connection, const Framing& framing, bool head_only,
                   const HttpFields& common)
    : connection_(connection),
      version_minor_(framing.version_minor),
      head_only_(head_only),
      common_(common),
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

    answer.fields.insert(answer.fields.end(), common_.begin(), common_.end());
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
    fields.insert(fields.end(), common_.begin(), common_.end());
    const AnswerHead head{.status = 200,
                          .content_type = content_type,
                          .content_length = std::nullopt,
                          .version_minor = version_minor_,
                          .keep_alive = keep_alive_,
                          .date = connection_.worker().date()};
    unsent_ = serialize(head, fields, 0);
}

asio::awaitable<bool> Exchange::write(std::string_view bytes) {
    ENSURE(state_ == State::head_held || state_ == State::streaming);
    if (connection_.is_gone()) co_return false;
    state_ = State::streaming;
    const std::string unsent = std::exchange(unsent_, {});
    if (head_only_) bytes = {};
    ChunkFrame frame(unsent, bytes, is_chunked());
    // What the kernel takes at once needs no turn of the reactor.
    std::span<asio::const_buffer> rest = frame.buffers();
    if (connection_.try_write(rest)) co_return true;
    co_return co_await connection_.write(rest);
}

bool Exchange::write_now(std::string_view bytes) {
    ENSURE(state_ == State::streaming && unsent_.empty());
    if (connection_.is_gone()) return false;
    if (head_only_) return true;
    ChunkFrame frame({}, bytes, is_chunked());
    std::span<asio::const_buffer> rest = frame.buffers();
    if (connection_.try_write(rest)) return true;
    for (const asio::const_buffer& buffer : rest) {
        unsent_.append(static_cast<const char*>(buffer.data()), buffer.size());
    }
    return false;
}

asio::awaitable<bool> Exchange::end_stream() {
    ENSURE(state_ == State::head_held || state_ == State::streaming);
    state_ = State::ended;
    if (connection_.is_gone()) co_return false;
    std::string last = std::exchange(unsent_, {});
    if (is_chunked() && !head_only_) last.append(kLastChunk);
    std::array<asio::const_buffer, 1> all{asio::buffer(last)};
    co_return co_await connection_.write(all);
}

void Exchange::abort_stream() {
    ENSURE(state_ != State::ended && state_ != State::aborted);
    state_ = State::aborted;
    keep_alive_ = false;
}

void Exchange::on_client_gone(std::function<void()> callback) {
    connection_.on_gone(std::move(callback));
}

void Exchange::forget_stream() {
    ENSURE(state_ == State::head_held);
    unsent_.clear();
    state_ = State::unanswered;
}

}  // namespace gateway
