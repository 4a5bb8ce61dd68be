#include "gateway/server/transport.h"

namespace gateway {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void close_socket(TcpSocket& socket) {
    error_code ignored;
    socket.close(ignored);
}

class PlainTransport final : public Transport {
public:
    explicit PlainTransport(TcpSocket socket) : socket_(std::move(socket)) {}

    bool needs_handshake() const override { return false; }
    void handshake(Events) override {}
    void read_some(asio::mutable_buffer buffer, Events events) override {
        socket_.async_read_some(buffer, [events = std::move(events)](error_code error, size_t n) {
            events->on_read(error, n);
        });
    }
    void write_some(Buffers buffers, Events events) override {
        socket_.async_write_some(buffers, [events = std::move(events)](error_code error, size_t n) {
            events->on_written(error, n);
        });
    }
    size_t try_write(Buffers buffers) override {
        error_code error;
        const size_t n = socket_.write_some(buffers, error);
        return error ? 0 : n;
    }
    void end_output(Events) override {
        error_code ignored;
        socket_.shutdown(TcpSocket::shutdown_send, ignored);
    }
    void close() override { close_socket(socket_); }
    void reset() override {
        error_code ignored;
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        close();
    }

private:
    TcpSocket socket_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(TcpSocket socket) {
    return std::make_unique<PlainTransport>(std::move(socket));
}

}  // namespace gateway
