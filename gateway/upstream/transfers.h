#pragma once
// Starts the transfers of one io thread, each on the engine that is right for its URL.
#include <memory>
#include <utility>

#include "gateway/upstream/curl_multi.h"
#include "gateway/upstream/plain_client.h"
#include "gateway/upstream/transfer_drains.h"

namespace gateway {

// Confined to its io thread; outlives its transfers.
class Transfers {
public:
    // `all_by_libcurl`: plain HTTP, too.
    Transfers(boost::asio::io_context& io, bool all_by_libcurl)
        : curl_(io), plain_(io), all_by_libcurl_(all_by_libcurl) {}

    std::unique_ptr<Transfer> make(TransferRequest request, TransferSink& sink) {
        if (!all_by_libcurl_) {
            if (auto transfer = plain_.make(request, sink)) return transfer;
        }
        return std::make_unique<CurlTransfer>(curl_, std::move(request), sink);
    }
    // Takes over a transfer whose answer is known.
    void drain(std::unique_ptr<Transfer> transfer) { drains_.add(std::move(transfer)); }

private:
    CurlMulti curl_;
    PlainClient plain_;
    const bool all_by_libcurl_;
    TransferDrains drains_;  // last: its transfers go before their engines
};

}  // namespace gateway
