#pragma once
// HTTP/1.1 to upstreams over plain TCP: what libcurl costs a chunk is a tenth of a stream's
// processor time, and most upstreams in the same machine or room speak plain HTTP. TLS, HTTP/2 and
// proxies are libcurl's.
//
// Like libcurl, it keeps connections for the next request, and sends a request again, once, if a
// kept connection broke before it answered anything. An answer that is compressed although
// `identity` was asked for is an error.
//
// Confined to its io thread.
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/plain_pool.h"
#include "gateway/upstream/plain_url.h"
#include "gateway/upstream/socket_set.h"
#include "gateway/upstream/transfer_list.h"

namespace gateway {

class PlainTransfer;

class PlainClient {
public:
    explicit PlainClient(boost::asio::io_context& io);
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;

    // Null: the URL is not for this client.
    std::unique_ptr<Transfer> make(TransferRequest& request, TransferSink& sink);

private:
    friend class PlainTransfer;

    boost::asio::io_context& io_;
    std::map<std::string, std::shared_ptr<const PlainUrl>> urls_;  // null: not for this client
    TransferList transfers_;
    SocketSet sockets_;
    PlainPool pool_;
    std::vector<char> scratch_;  // what a socket gave, until it is parsed
};

}  // namespace gateway
