#include "gateway/upstream/plain_connector.h"

#include <fcntl.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

namespace gateway {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Held by the operations under way; they outlast the connector by a turn.
struct PlainConnector::Try {
    Try(asio::io_context& io, Told to_tell) : resolver(io), socket(io), told(std::move(to_tell)) {}

    tcp::resolver resolver;
    tcp::socket socket;
    std::vector<tcp::endpoint> endpoints;
    Told told;  // empty once given up

    void tell(int fd, const std::string& error) {
        if (const Told tell_once = std::exchange(told, nullptr)) tell_once(fd, error);
    }
};

PlainConnector::PlainConnector(asio::io_context& io, const std::string& host,
                               const std::string& port, Told told)
    : try_(std::make_shared<Try>(io, std::move(told))) {
    error_code not_an_address;
    const auto address = asio::ip::make_address(host, not_an_address);
    if (!not_an_address) {
        try_->endpoints.emplace_back(address, static_cast<uint16_t>(std::stoi(port)));
        asio::post(io, [attempt = try_] { connect(attempt); });
        return;
    }
    try_->resolver.async_resolve(
        host, port, tcp::resolver::numeric_service,
        [attempt = try_](error_code error, const tcp::resolver::results_type& results) {
            if (error) return attempt->tell(-1, "the upstream's name: " + error.message());
            for (const auto& result : results) attempt->endpoints.push_back(result.endpoint());
            auto& endpoints = attempt->endpoints;
            std::stable_partition(
                endpoints.begin(), endpoints.end(),
                [](const tcp::endpoint& endpoint) { return endpoint.address().is_v4(); });
            connect(attempt);
        });
}

PlainConnector::~PlainConnector() {
    try_->told = nullptr;
    try_->resolver.cancel();
    error_code ignored;
    try_->socket.close(ignored);
}

void PlainConnector::connect(const std::shared_ptr<Try>& attempt) {
    if (!attempt->told) return;
    asio::async_connect(attempt->socket, attempt->endpoints,
                        [attempt](error_code error, const tcp::endpoint&) {
                            if (!attempt->told) return;
                            if (error) return attempt->tell(-1, "the upstream: " + error.message());
                            error_code unset;
                            attempt->socket.set_option(tcp::no_delay(true), unset);
                            attempt->socket.set_option(asio::socket_base::keep_alive(true), unset);
                            const int fd = attempt->socket.release(error);
                            if (error) return attempt->tell(-1, "the upstream: " + error.message());
                            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
                            attempt->tell(fd, {});
                        });
}

}  // namespace gateway
