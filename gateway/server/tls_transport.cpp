#include <boost/asio/ssl/stream.hpp>
#include <string>

#include "gateway/server/transport.h"

namespace gateway {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class TlsTransport final : public Transport {
public:
    TlsTransport(TcpSocket socket, std::shared_ptr<asio::ssl::context> context)
        : context_(std::move(context)), stream_(std::move(socket), *context_) {}

    bool needs_handshake() const override { return true; }
    void handshake(Events events) override {
        stream_.async_handshake(
            asio::ssl::stream_base::server,
            [events = std::move(events)](error_code error) { events->on_handshake(error); });
    }
    void read_some(asio::mutable_buffer buffer, Events events) override {
        stream_.async_read_some(buffer, [events = std::move(events)](error_code error, size_t n) {
            events->on_read(error, n);
        });
    }
    // Asio makes one record of the first buffer only; several are joined, so that a chunk with its
    // frame is one record.
    void write_some(Buffers buffers, Events events) override {
        asio::const_buffer bytes = buffers.front();
        if (buffers.size() > 1) {
            joined_.clear();
            for (const asio::const_buffer& buffer : buffers) {
                if (joined_.size() >= kRecordBytesMax) break;
                joined_.append(static_cast<const char*>(buffer.data()),
                               std::min(buffer.size(), kRecordBytesMax - joined_.size()));
            }
            bytes = asio::buffer(joined_);
        }
        stream_.async_write_some(asio::const_buffer(bytes),
                                 [events = std::move(events)](error_code error, size_t n) {
                                     events->on_written(error, n);
                                 });
    }
    size_t try_write(Buffers) override { return 0; }
    void end_output(Events events) override {
        stream_.async_shutdown([events = std::move(events)](error_code) {});
    }
    void close() override {
        error_code ignored;
        stream_.next_layer().close(ignored);
    }
    void reset() override {
        error_code ignored;
        stream_.next_layer().set_option(asio::socket_base::linger(true, 0), ignored);
        close();
    }

private:
    static constexpr size_t kRecordBytesMax = 16 << 10;

    // Outlives the stream: a reload must not take it from open connections.
    const std::shared_ptr<asio::ssl::context> context_;
    asio::ssl::stream<TcpSocket> stream_;
    std::string joined_;
};

}  // namespace

std::unique_ptr<Transport> make_tls_transport(TcpSocket socket,
                                              std::shared_ptr<asio::ssl::context> context) {
    return std::make_unique<TlsTransport>(std::move(socket), std::move(context));
}

}  // namespace gateway
