#include "gateway/server/listener.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <stdexcept>

#include "gateway/server/answer_head.h"
#include "gateway/server/connection.h"
#include "gateway/server/file_descriptor.h"
#include "gateway/server/session.h"

namespace gateway {
namespace {

using asio::ip::tcp;
using UnixStream = asio::local::stream_protocol;
using boost::system::error_code;

// When the process is out of descriptors, accept() fails at once and for a while: no use in
// spinning.
constexpr std::chrono::milliseconds kAcceptBackOff{100};
constexpr mode_t kUnixSocketMode = 0660;  // the owner and the group may ask
constexpr const char* kUnixPeer = "127.0.0.1:0";

std::string to_text(const tcp::endpoint& endpoint) {
    const std::string address = endpoint.address().to_string();
    const std::string port = std::to_string(endpoint.port());
    return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

void require(const error_code& error, const std::string& place) {
    if (!error) return;
    throw std::runtime_error("cannot listen on " + place + ": " + error.message());
}

// On the worker's own thread.
void begin(std::shared_ptr<IoWorker> worker, TcpSocket socket, std::string peer,
           ConnectionSettings::Values values) {
    auto transport = values.tls ? make_tls_transport(std::move(socket), std::move(values.tls))
                                : make_plain_transport(std::move(socket));
    asio::io_context& io = worker->io();
    auto connection = std::make_shared<Connection>(std::move(worker), std::move(transport),
                                                   std::move(peer), std::move(values.limits));
    asio::co_spawn(io, run_session(std::move(connection)), asio::detached);
}

// A connection that was counted as admitted.
void not_begun(IoWorker& worker) {
    worker.n_assigned.fetch_sub(1, std::memory_order_relaxed);
    worker.counters().n_connections_open.fetch_sub(1, std::memory_order_relaxed);
}

// One write and one read, neither waits. What the client sent is taken off the socket as far as it
// is there, so that closing does not reset the answer away.
void turn_away(IoWorker& worker, TcpSocket socket) {
    const HttpAnswer answer = worker.handler().refusal(503, "the server has too many connections");
    const AnswerHead head{.status = answer.status,
                          .content_type = answer.content_type,
                          .content_length = answer.body.size(),
                          .version_minor = 1,
                          .keep_alive = false,
                          .date = worker.date()};
    const std::string bytes = serialize(head, answer.fields, answer.body.size()) + answer.body;
    error_code ignored;
    socket.write_some(asio::buffer(bytes), ignored);
    socket.shutdown(TcpSocket::shutdown_send, ignored);
    char dropped[4'096];
    socket.read_some(asio::buffer(dropped), ignored);
}

// Gives the connections of one socket to io threads.
class Dealer {
public:
    Dealer(Workers workers, std::shared_ptr<ConnectionSettings> settings)
        : workers_(std::move(workers)), settings_(std::move(settings)) {}

    asio::io_context& io() const { return workers_.front()->io(); }

    void admit(TcpSocket socket, const tcp& protocol, std::string peer, bool may_have_tls) {
        IoWorker& worker = least_busy();
        ConnectionSettings::Values values = settings_->get();
        if (!may_have_tls) values.tls.reset();
        ServerCounters& counters = worker.counters();
        if (counters.n_connections_open.load(std::memory_order_relaxed) >=
            values.limits->n_connections_max) {
            counters.n_connections_refused.fetch_add(1, std::memory_order_relaxed);
            if (!values.tls) turn_away(*workers_.front(), std::move(socket));
            return;
        }
        counters.n_connections_accepted.fetch_add(1, std::memory_order_relaxed);
        counters.n_connections_open.fetch_add(1, std::memory_order_relaxed);
        worker.n_assigned.fetch_add(1, std::memory_order_relaxed);
        std::shared_ptr<IoWorker> its_worker = worker.shared_from_this();
        if (&worker == workers_.front().get())
            return begin(std::move(its_worker), std::move(socket), std::move(peer),
                         std::move(values));
        error_code error;
        FileDescriptor loose(socket.release(error));
        if (error) return not_begun(worker);
        asio::post(worker.io(), [its_worker = std::move(its_worker), loose = std::move(loose),
                                 protocol, peer = std::move(peer),
                                 values = std::move(values)]() mutable {
            error_code refused;
            TcpSocket its_socket(its_worker->io().get_executor());
            its_socket.assign(protocol, loose.get(), refused);
            if (refused) return not_begun(*its_worker);
            loose.release();
            its_socket.non_blocking(true, refused);
            if (refused) return not_begun(*its_worker);
            begin(std::move(its_worker), std::move(its_socket), std::move(peer), std::move(values));
        });
    }

private:
    IoWorker& least_busy() const {
        IoWorker* best = workers_.front().get();
        for (const auto& worker : workers_) {
            if (worker->n_assigned.load(std::memory_order_relaxed) <
                best->n_assigned.load(std::memory_order_relaxed)) {
                best = worker.get();
            }
        }
        return *best;
    }

    const Workers workers_;
    const std::shared_ptr<ConnectionSettings> settings_;
};

template <class Protocol>
class SocketListener : public Listener,
                       public std::enable_shared_from_this<SocketListener<Protocol>> {
public:
    SocketListener(Workers workers, std::shared_ptr<ConnectionSettings> settings)
        : dealer_(std::move(workers), std::move(settings)),
          acceptor_(dealer_.io().get_executor()) {}

    void start() override {
        asio::co_spawn(dealer_.io(), accept_all(this->shared_from_this()), asio::detached);
    }
    void stop() override {
        error_code ignored;
        acceptor_.close(ignored);
    }

protected:
    using Socket = asio::basic_stream_socket<Protocol, asio::io_context::executor_type>;
    using Endpoint = typename Protocol::endpoint;

    void bind(const Endpoint& endpoint, const std::string& place) {
        error_code error;
        acceptor_.open(endpoint.protocol(), error);
        require(error, place);
        acceptor_.set_option(asio::socket_base::reuse_address(true), error);
        require(error, place);
        acceptor_.bind(endpoint, error);
        require(error, place);
    }
    void listen(const std::string& place) {
        error_code error;
        acceptor_.listen(asio::socket_base::max_listen_connections, error);
        require(error, place);
    }
    Endpoint local_endpoint() const { return acceptor_.local_endpoint(); }
    Dealer& dealer() { return dealer_; }
    virtual void admit(Socket socket) = 0;

private:
    static asio::awaitable<void> accept_all(std::shared_ptr<SocketListener> self) {
        asio::steady_timer back_off(self->dealer_.io());
        while (self->acceptor_.is_open()) {
            auto [error, socket] = co_await self->acceptor_.async_accept(
                self->acceptor_.get_executor(), asio::as_tuple(asio::use_awaitable));
            if (!error) {
                self->admit(std::move(socket));
            } else if (error != asio::error::connection_aborted && self->acceptor_.is_open()) {
                back_off.expires_after(kAcceptBackOff);
                co_await back_off.async_wait(asio::as_tuple(asio::use_awaitable));
            }
        }
    }

    Dealer dealer_;
    asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type> acceptor_;
};

class TcpListener final : public SocketListener<tcp> {
public:
    TcpListener(const config::Listen& config, Workers workers,
                std::shared_ptr<ConnectionSettings> settings)
        : SocketListener(std::move(workers), std::move(settings)) {
        const std::string place = config.address + " port " + std::to_string(config.port);
        error_code error;
        const auto address = asio::ip::make_address(config.address, error);
        require(error, place);
        bind(tcp::endpoint(address, config.port), place);
        listen(place);
        address_ = to_text(local_endpoint());
    }
    std::string address() const override { return address_; }

private:
    void admit(Socket socket) override {
        error_code error;
        const tcp::endpoint peer = socket.remote_endpoint(error);
        if (error) return;  // it has gone already
        socket.non_blocking(true, error);
        if (!error) socket.set_option(tcp::no_delay(true), error);
        if (error) return;
        dealer().admit(std::move(socket), peer.protocol(), to_text(peer), true);
    }

    std::string address_;
};

class UnixListener final : public SocketListener<UnixStream> {
public:
    UnixListener(const std::string& path, Workers workers,
                 std::shared_ptr<ConnectionSettings> settings)
        : SocketListener(std::move(workers), std::move(settings)), path_(path) {
        const UnixStream::endpoint endpoint(path_);
        remove_dead(endpoint);
        bind(endpoint, address());
        // Nobody can connect before it listens.
        if (::chmod(path_.c_str(), kUnixSocketMode) != 0)
            require({errno, boost::system::system_category()}, address());
        listen(address());
    }
    ~UnixListener() override { remove(); }
    std::string address() const override { return "unix:" + path_; }
    void stop() override {
        remove();
        SocketListener::stop();
    }

private:
    void remove() {
        if (!std::exchange(is_removed_, true)) ::unlink(path_.c_str());
    }
    // A socket that a process left behind when it was killed. Any other file stays.
    void remove_dead(const UnixStream::endpoint& endpoint) {
        struct stat found {};
        if (::lstat(path_.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
        Socket probe(dealer().io().get_executor());
        error_code error;
        probe.connect(endpoint, error);
        if (error == asio::error::connection_refused) ::unlink(path_.c_str());
    }
    // Under Asio's stream socket the family of the address is of no matter: what is above a
    // connection is the same for both.
    void admit(Socket socket) override {
        error_code error;
        FileDescriptor fd(socket.release(error));
        TcpSocket same(dealer().io().get_executor());
        if (!error) same.assign(tcp::v4(), fd.get(), error);
        if (error) return;
        fd.release();
        same.non_blocking(true, error);
        if (!error) dealer().admit(std::move(same), tcp::v4(), kUnixPeer, false);
    }

    const std::string path_;
    bool is_removed_ = false;
};

}  // namespace

std::shared_ptr<Listener> listen_tcp(const config::Listen& listen, Workers workers,
                                     std::shared_ptr<ConnectionSettings> settings) {
    return std::make_shared<TcpListener>(listen, std::move(workers), std::move(settings));
}

std::shared_ptr<Listener> listen_unix(const std::string& path, Workers workers,
                                      std::shared_ptr<ConnectionSettings> settings) {
    return std::make_shared<UnixListener>(path, std::move(workers), std::move(settings));
}

}  // namespace gateway
