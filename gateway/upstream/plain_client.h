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
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/plain_pool.h"
#include "gateway/upstream/plain_url.h"
#include "gateway/upstream/socket_set.h"
#include "gateway/upstream/transfer.h"

namespace gateway {

class PlainTransfer;

class PlainClient {
public:
    explicit PlainClient(boost::asio::io_context& io);
    ~PlainClient();
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;

    // Null: the URL is not for this client.
    std::unique_ptr<Transfer> make(TransferRequest& request, TransferSink& sink);

private:
    friend class PlainTransfer;

    void add(PlainTransfer& transfer);
    void remove(PlainTransfer& transfer);
    void mark(PlainTransfer& transfer);
    // Tells the marked sinks. Calls out: anything may change meanwhile.
    void deliver();
    void deliver_soon();
    void deadline_moved(TimePoint deadline);
    void arm();
    void sweep();

    boost::asio::io_context& io_;
    std::map<std::string, std::shared_ptr<const PlainUrl>> urls_;  // null: not for this client
    SocketSet sockets_;
    PlainPool pool_;
    boost::asio::steady_timer timer_;
    TimePoint swept_next_ = TimePoint::max();
    TimePoint armed_ = TimePoint::max();
    bool deliver_posted_ = false;
    std::vector<PlainTransfer*> transfers_;
    std::vector<PlainTransfer*> marked_, telling_;  // a destroyed one leaves null in telling_
    std::vector<char> scratch_;                     // what a socket gave, until it is parsed
    std::shared_ptr<int> alive_ =
        std::make_shared<int>(0);  // handlers that outlast this look at it
};

}  // namespace gateway
