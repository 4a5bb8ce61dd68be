#pragma once
// Resolves a name and connects to the first of its addresses that answers, IPv4 before IPv6.
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

namespace gateway {

// One try, confined to one io thread. Destroyed, it is given up and tells nobody.
class PlainConnector {
public:
    // The socket, connected and non-blocking, which becomes the callee's; or -1 and what went
    // wrong. Called once, never from inside the constructor; may destroy the connector.
    using Told = std::function<void(int fd, const std::string& error)>;

    PlainConnector(boost::asio::io_context& io, const std::string& host, const std::string& port,
                   Told told);
    ~PlainConnector();
    PlainConnector(const PlainConnector&) = delete;
    PlainConnector& operator=(const PlainConnector&) = delete;

private:
    struct Try;
    static void connect(const std::shared_ptr<Try>& attempt);

    std::shared_ptr<Try> try_;
};

}  // namespace gateway
