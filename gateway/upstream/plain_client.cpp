#include "gateway/upstream/plain_client.h"

#include <utility>

#include "gateway/upstream/plain_transfer.h"

namespace gateway {

namespace {

constexpr size_t kScratchBytes = 16 << 10;

}  // namespace

PlainClient::PlainClient(boost::asio::io_context& io)
    : io_(io),
      transfers_(io),
      sockets_(io, [this] { transfers_.deliver(); }),
      scratch_(kScratchBytes) {}

std::unique_ptr<Transfer> PlainClient::make(TransferRequest& request, TransferSink& sink) {
    if (request.passage) return nullptr;
    auto found = urls_.find(request.url);
    if (found == urls_.end()) {
        const auto parsed = parse_plain_url(request.url);
        auto kept = parsed ? std::make_shared<const PlainUrl>(*parsed) : nullptr;
        found = urls_.emplace(request.url, std::move(kept)).first;
    }
    if (!found->second) return nullptr;
    return std::make_unique<PlainTransfer>(*this, found->second, std::move(request), sink);
}

}  // namespace gateway
