#pragma once
// The byte stream under a connection: a TCP socket, or TLS over one. Callback style on concrete
// types, so that nothing above is a template.
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <span>

namespace gateway {

using TcpSocket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

// Told how operations ended, on the socket's io thread, never from inside the call that began them.
class TransportEvents {
public:
    virtual ~TransportEvents() = default;
    virtual void on_handshake(boost::system::error_code error) = 0;
    virtual void on_read(boost::system::error_code error, size_t n_bytes) = 0;
    virtual void on_written(boost::system::error_code error, size_t n_bytes) = 0;
};

// Confined to one io thread. At most one read and one write at a time. An operation holds `events`,
// whose owner holds this.
class Transport {
public:
    using Events = std::shared_ptr<TransportEvents>;
    using Buffers = std::span<const boost::asio::const_buffer>;

    virtual ~Transport() = default;
    virtual bool needs_handshake() const = 0;
    virtual void handshake(Events events) = 0;
    virtual void read_some(boost::asio::mutable_buffer buffer, Events events) = 0;
    // The bytes stay until on_written.
    virtual void write_some(Buffers buffers, Events events) = 0;
    // What the kernel takes at once without waiting; 0 where this is not to be had.
    virtual size_t try_write(Buffers buffers) = 0;
    // Ends our direction only; TLS says close_notify.
    virtual void end_output(Events events) = 0;
    virtual void close() = 0;
    // Closes so that the peer sees a reset: the end of a close-delimited answer that is not
    // complete.
    virtual void reset() = 0;
};

std::unique_ptr<Transport> make_plain_transport(TcpSocket socket);
std::unique_ptr<Transport> make_tls_transport(TcpSocket socket,
                                              std::shared_ptr<boost::asio::ssl::context> context);

}  // namespace gateway
