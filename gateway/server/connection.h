#pragma once
// One client connection: its transport, what it sent, its deadlines and whether it is still there.
// The session's coroutine asks it for input and hands it output.
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "gateway/server/input_buffer.h"
#include "gateway/server/io_worker.h"
#include "gateway/server/resumption.h"
#include "gateway/server/transport.h"

namespace gateway {

// Confined to its io thread. Alive while the session's coroutine or an operation holds it.
class Connection final : public TransportEvents, public std::enable_shared_from_this<Connection> {
public:
    enum class Input : uint8_t { arrived, ended, timed_out };

    Connection(std::shared_ptr<IoWorker> worker, std::unique_ptr<Transport> transport,
               std::string peer, std::shared_ptr<const config::Limits> limits);
    ~Connection() override;

    IoWorker& worker() { return *worker_; }
    const std::string& peer() const { return peer_; }
    const config::Limits& limits() const { return *limits_; }

    // False: not a TLS client, or too slow.
    asio::awaitable<bool> handshake();

    std::string_view input() const { return input_.bytes(); }
    void take(size_t n) { input_.take(n); }
    // Waits until there is more input than now. `ended`: end of stream, an error, or we are
    // closing.
    asio::awaitable<Input> more(size_t n_room, TimePoint deadline);
    // The same for the first byte of a request: draining ends it.
    asio::awaitable<Input> first_byte(TimePoint deadline);

    // From here until unwatch() input is read ahead, within bounds, and its end means that the
    // client is gone. `deadline` bounds the whole request: when it passes the client counts as
    // gone, too.
    void watch(TimePoint deadline);
    void unwatch();
    bool is_gone() const { return gone_; }
    void on_gone(std::function<void()> callback);

    // Waits until the kernel has all of it, each step at most limits.write_timeout. False: gone.
    // The buffers are used up.
    asio::awaitable<bool> write(std::span<asio::const_buffer> buffers);
    // What can be written without waiting is, and is taken off the buffers. True: that was all.
    bool try_write(std::span<asio::const_buffer>& buffers);

    // Ends our direction, then drops what still comes until it pauses, so that no reset overtakes
    // the answer.
    asio::awaitable<void> linger();
    void close();
    void reset() { transport_->reset(); }

    // For the worker.
    bool is_due(TimePoint now) const;
    void expire(TimePoint now);
    void drain();
    void abort();
    void drop();
    size_t place = 0;

private:
    static constexpr TimePoint kNever = TimePoint::max();

    void on_handshake(boost::system::error_code error) override;
    void on_read(boost::system::error_code error, size_t n_bytes) override;
    void on_written(boost::system::error_code error, size_t n_bytes) override;
    void start_read(size_t n_room);
    void mark_gone();

    const std::shared_ptr<IoWorker> worker_;
    const std::unique_ptr<Transport> transport_;
    const std::string peer_;
    const std::shared_ptr<const config::Limits> limits_;
    InputBuffer input_;
    Resumption input_waiter_;
    Resumption output_waiter_;
    TimePoint input_deadline_ = kNever;
    TimePoint output_deadline_ = kNever;
    TimePoint request_deadline_ = kNever;
    std::function<void()> gone_callback_;
    boost::system::error_code output_error_;
    size_t n_written_ = 0;
    bool handshake_done_ = false;
    bool reading_ = false;
    bool watching_ = false;
    bool idle_ = false;   // waits for the first byte of a request
    bool ended_ = false;  // no more input
    bool timed_out_ = false;
    bool gone_ = false;
};

}  // namespace gateway
