#include "gateway/server/listener.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <stdexcept>

#include "gateway/server/answer_head.h"
#include "gateway/server/connection.h"
#include "gateway/server/file_descriptor.h"
#include "gateway/server/session.h"

namespace gateway {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

// When the process is out of descriptors, accept() fails at once and for a while: no use in
// spinning.
constexpr std::chrono::milliseconds kAcceptBackOff{100};

std::string to_text(const tcp::endpoint& endpoint) {
    const std::string address = endpoint.address().to_string();
    const std::string port = std::to_string(endpoint.port());
    return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

void require(const error_code& error, const config::Listen& listen) {
    if (!error) return;
    throw std::runtime_error("cannot listen on " + listen.address + " port " +
                             std::to_string(listen.port) + ": " + error.message());
}

// On the worker's own thread.
void begin(std::shared_ptr<IoWorker> worker, TcpSocket socket, const tcp::endpoint& peer,
           ConnectionSettings::Values values) {
    auto transport = values.tls ? make_tls_transport(std::move(socket), std::move(values.tls))
                                : make_plain_transport(std::move(socket));
    asio::io_context& io = worker->io();
    auto connection = std::make_shared<Connection>(std::move(worker), std::move(transport),
                                                   to_text(peer), std::move(values.limits));
    asio::co_spawn(io, run_session(std::move(connection)), asio::detached);
}

// A connection that was counted as admitted.
void not_begun(IoWorker& worker) {
    worker.n_assigned.fetch_sub(1, std::memory_order_relaxed);
    worker.counters().n_connections_open.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

Listener::Listener(const config::Listen& listen, std::vector<std::shared_ptr<IoWorker>> workers,
                   std::shared_ptr<ConnectionSettings> settings)
    : workers_(std::move(workers)),
      settings_(std::move(settings)),
      acceptor_(workers_.front()->io().get_executor()) {
    error_code error;
    const auto address = asio::ip::make_address(listen.address, error);
    require(error, listen);
    const tcp::endpoint endpoint(address, listen.port);
    acceptor_.open(endpoint.protocol(), error);
    require(error, listen);
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    require(error, listen);
    acceptor_.bind(endpoint, error);
    require(error, listen);
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    require(error, listen);
    address_ = to_text(acceptor_.local_endpoint());
}

void Listener::start() {
    asio::co_spawn(workers_.front()->io(), accept_all(shared_from_this()), asio::detached);
}

void Listener::stop() {
    error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> Listener::accept_all(std::shared_ptr<Listener> self) {
    asio::steady_timer back_off(self->workers_.front()->io());
    while (self->acceptor_.is_open()) {
        IoWorker& worker = self->least_busy();
        auto [error, socket] = co_await self->acceptor_.async_accept(
            self->acceptor_.get_executor(), asio::as_tuple(asio::use_awaitable));
        if (!error) {
            self->admit(worker, std::move(socket));
        } else if (error != asio::error::connection_aborted && self->acceptor_.is_open()) {
            back_off.expires_after(kAcceptBackOff);
            co_await back_off.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
}

IoWorker& Listener::least_busy() const {
    IoWorker* best = workers_.front().get();
    for (const auto& worker : workers_) {
        if (worker->n_assigned.load(std::memory_order_relaxed) <
            best->n_assigned.load(std::memory_order_relaxed)) {
            best = worker.get();
        }
    }
    return *best;
}

void Listener::admit(IoWorker& worker, TcpSocket socket) {
    error_code error;
    const tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) return;  // it has gone already
    socket.non_blocking(true, error);
    if (!error) socket.set_option(tcp::no_delay(true), error);
    if (error) return;

    ConnectionSettings::Values values = settings_->get();
    ServerCounters& counters = worker.counters();
    if (counters.n_connections_open.load(std::memory_order_relaxed) >=
        values.limits->n_connections_max) {
        counters.n_connections_refused.fetch_add(1, std::memory_order_relaxed);
        turn_away(std::move(socket), values.tls == nullptr);
        return;
    }
    counters.n_connections_accepted.fetch_add(1, std::memory_order_relaxed);
    counters.n_connections_open.fetch_add(1, std::memory_order_relaxed);
    worker.n_assigned.fetch_add(1, std::memory_order_relaxed);
    std::shared_ptr<IoWorker> its_worker = worker.shared_from_this();
    if (&worker == workers_.front().get())
        return begin(std::move(its_worker), std::move(socket), peer, std::move(values));
    FileDescriptor loose(socket.release(error));
    if (error) return not_begun(worker);
    asio::post(worker.io(), [its_worker = std::move(its_worker), loose = std::move(loose), peer,
                             values = std::move(values)]() mutable {
        error_code refused;
        TcpSocket its_socket(its_worker->io().get_executor());
        its_socket.assign(peer.protocol(), loose.get(), refused);
        if (refused) return not_begun(*its_worker);
        loose.release();
        its_socket.non_blocking(true, refused);
        if (refused) return not_begun(*its_worker);
        begin(std::move(its_worker), std::move(its_socket), peer, std::move(values));
    });
}

// One write and one read, neither waits. What the client sent is taken off the socket as far as it
// is there, so that closing does not reset the answer away.
void Listener::turn_away(TcpSocket socket, bool is_plain) {
    if (!is_plain) return;
    IoWorker& worker = *workers_.front();
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

}  // namespace gateway
