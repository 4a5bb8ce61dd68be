#include "gateway/server/connection.h"

#include <utility>

namespace gateway {
namespace {

using boost::system::error_code;

// Pipelined input that is kept while an answer is made; beyond it the client is not read, nor
// watched.
constexpr size_t kReadAheadBytesMax = InputBuffer::kBytesAtRest;
// A client whose connection is reset while it still sends a body may never read the answer: what is
// on its way is dropped until it pauses, within bounds.
constexpr size_t kLingerBytesMax = 64 << 20;
constexpr std::chrono::seconds kLingerPauseMax{1}, kLingerTime{10};

// Takes n bytes off the front; empty buffers go, too.
std::span<asio::const_buffer> drop_front(std::span<asio::const_buffer> buffers, size_t n) {
    while (!buffers.empty()) {
        const size_t taken = std::min(n, buffers.front().size());
        buffers.front() += taken;
        n -= taken;
        if (buffers.front().size() > 0) break;
        buffers = buffers.subspan(1);
    }
    return buffers;
}

}  // namespace

Connection::Connection(std::shared_ptr<IoWorker> worker, std::unique_ptr<Transport> transport,
                       std::string peer, std::shared_ptr<const config::Limits> limits)
    : worker_(std::move(worker)),
      transport_(std::move(transport)),
      peer_(std::move(peer)),
      limits_(std::move(limits)) {
    worker_->add(*this);
}

Connection::~Connection() {
    worker_->remove(*this);
    worker_->n_assigned.fetch_sub(1, std::memory_order_relaxed);
    worker_->counters().n_connections_open.fetch_sub(1, std::memory_order_relaxed);
}

asio::awaitable<bool> Connection::handshake() {
    if (!transport_->needs_handshake()) co_return true;
    if (worker_->is_draining()) co_return false;
    input_deadline_ = std::chrono::steady_clock::now() + limits_->head_timeout;
    transport_->handshake(shared_from_this());
    co_await input_waiter_.wait();
    input_deadline_ = kNever;
    co_return handshake_done_ && !ended_;
}

void Connection::on_handshake(error_code error) {
    handshake_done_ = !error;
    input_waiter_.resume();
}

void Connection::start_read(size_t n_room) {
    reading_ = true;
    transport_->read_some(input_.prepare(n_room), shared_from_this());
}

asio::awaitable<Connection::Input> Connection::more(size_t n_room, TimePoint deadline) {
    const size_t had = input_.size();
    if (!reading_ && !ended_) start_read(n_room);
    input_deadline_ = deadline;
    timed_out_ = false;
    while (input_.size() == had && !ended_ && !timed_out_) co_await input_waiter_.wait();
    input_deadline_ = kNever;
    if (input_.size() > had) co_return Input::arrived;
    co_return ended_ ? Input::ended : Input::timed_out;
}

asio::awaitable<Connection::Input> Connection::first_byte(TimePoint deadline) {
    if (worker_->is_draining()) co_return Input::ended;
    if (!reading_) input_.shrink();
    idle_ = true;
    const Input input = co_await more(1, deadline);
    idle_ = false;
    co_return input;
}

void Connection::on_read(error_code error, size_t n_bytes) {
    reading_ = false;
    input_.commit(n_bytes);
    if (error) ended_ = true;
    if (input_waiter_.is_waited_for()) {
        input_waiter_.resume();
        return;
    }
    if (!watching_) return;
    if (error) {
        const bool is_end = error == asio::error::eof;
        if (!is_end || !worker_->half_closed_clients()) mark_gone();
        return;
    }
    if (input_.size() < kReadAheadBytesMax) start_read(1);
}

void Connection::watch(TimePoint deadline) {
    request_deadline_ = deadline;
    watching_ = true;
    if (ended_) {
        if (!worker_->half_closed_clients()) mark_gone();
        return;
    }
    if (reading_ || input_.size() >= kReadAheadBytesMax) return;
    input_.shrink();
    start_read(1);
}

void Connection::unwatch() {
    watching_ = false;
    request_deadline_ = kNever;
    gone_callback_ = nullptr;
}

void Connection::on_gone(std::function<void()> callback) {
    if (gone_) {
        if (callback) callback();  // an empty one takes the last one back
    } else {
        gone_callback_ = std::move(callback);
    }
}

void Connection::mark_gone() {
    if (gone_) return;
    gone_ = true;
    ended_ = true;
    transport_->close();
    if (const auto callback = std::exchange(gone_callback_, nullptr)) callback();
}

bool Connection::try_write(std::span<asio::const_buffer>& buffers) {
    buffers = drop_front(buffers, 0);
    if (!buffers.empty()) buffers = drop_front(buffers, transport_->try_write(buffers));
    return buffers.empty();
}

asio::awaitable<bool> Connection::write(std::span<asio::const_buffer> buffers) {
    buffers = drop_front(buffers, 0);
    while (!buffers.empty() && !gone_) {
        output_deadline_ = std::chrono::steady_clock::now() + limits_->write_timeout;
        transport_->write_some(buffers, shared_from_this());
        co_await output_waiter_.wait();
        output_deadline_ = kNever;
        if (output_error_) mark_gone();
        buffers = drop_front(buffers, n_written_);
    }
    co_return !gone_;
}

void Connection::on_written(error_code error, size_t n_bytes) {
    output_error_ = error;
    n_written_ = n_bytes;
    output_waiter_.resume();
}

asio::awaitable<void> Connection::linger() {
    transport_->end_output(shared_from_this());
    TimePoint now = std::chrono::steady_clock::now();
    const TimePoint last = now + kLingerTime;
    for (size_t n_dropped = 0; n_dropped <= kLingerBytesMax && now < last;) {
        n_dropped += input_.size();
        input_.take(input_.size());
        if (co_await more(1, std::min(now + kLingerPauseMax, last)) != Input::arrived) break;
        now = std::chrono::steady_clock::now();
    }
}

void Connection::close() {
    ended_ = true;
    transport_->close();
}

bool Connection::is_due(TimePoint now) const {
    return now >= input_deadline_ || now >= output_deadline_ || now >= request_deadline_;
}

void Connection::expire(TimePoint now) {
    if (now >= output_deadline_ || now >= request_deadline_) {
        request_deadline_ = kNever;
        mark_gone();
    } else if (now >= input_deadline_) {
        input_deadline_ = kNever;
        timed_out_ = true;
        if (transport_->needs_handshake() && !handshake_done_) {
            transport_->close();  // the handshake ends with an error, and so the wait
            return;
        }
        input_waiter_.resume();
    }
}

void Connection::drain() {
    if (!idle_ || input_.size() > 0) return;
    ended_ = true;
    input_waiter_.resume();
}

void Connection::abort() {
    const auto self = shared_from_this();
    mark_gone();
    if (!transport_->needs_handshake() || handshake_done_) input_waiter_.resume();
}

void Connection::drop() {
    transport_->close();
    gone_callback_ = nullptr;
    input_waiter_.drop();
    output_waiter_.drop();
}

}  // namespace gateway
