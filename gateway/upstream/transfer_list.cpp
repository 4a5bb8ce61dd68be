#include "gateway/upstream/transfer_list.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "config/ensure.h"

namespace gateway {

namespace {

// Deadlines are looked at no closer together than this.
constexpr std::chrono::milliseconds kSweepEvery{20};

}  // namespace

TransferList::TransferList(boost::asio::io_context& io) : io_(io), timer_(io) {}

TransferList::~TransferList() {
    alive_.reset();
    ENSURE(transfers_.empty());
}

void TransferList::add(ListedTransfer& transfer) {
    transfer.index_ = transfers_.size();
    transfers_.push_back(&transfer);
    deadline_moved(transfer.sink_->deadline());
}

void TransferList::remove(ListedTransfer& transfer) {
    transfers_.back()->index_ = transfer.index_;
    transfers_[transfer.index_] = transfers_.back();
    transfers_.pop_back();
    if (transfer.marked_) std::erase(marked_, &transfer);
    std::replace(telling_.begin(), telling_.end(), &transfer,
                 static_cast<ListedTransfer*>(nullptr));
}

void TransferList::mark(ListedTransfer& transfer) {
    if (std::exchange(transfer.marked_, true)) return;
    marked_.push_back(&transfer);
}

void TransferList::deliver() {
    while (!marked_.empty()) {
        if (!telling_.empty())
            return deliver_soon();  // called out of itself: the outer call goes on
        telling_.swap(marked_);
        for (size_t i = 0; i < telling_.size(); ++i) {
            if (!telling_[i]) continue;
            telling_[i]->marked_ = false;
            telling_[i]->sink_->on_turn_end();
        }
        telling_.clear();
    }
}

void TransferList::deliver_soon() {
    if (marked_.empty() || std::exchange(deliver_posted_, true)) return;
    boost::asio::post(io_, [this, alive = std::weak_ptr<int>(alive_)] {
        if (alive.expired()) return;
        deliver_posted_ = false;
        deliver();
    });
}

void TransferList::deadline_moved(TimePoint deadline) {
    swept_next_ = std::min(swept_next_, deadline);
    arm();
}

void TransferList::arm() {
    if (swept_next_ >= armed_) return;  // a later one lets the earlier fire, and looks again
    armed_ = swept_next_;
    timer_.expires_at(armed_);
    timer_.async_wait([this, alive = std::weak_ptr<int>(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        armed_ = TimePoint::max();
        sweep();
        deliver();
        if (!alive.expired()) arm();
    });
}

void TransferList::sweep() {
    const TimePoint now = std::chrono::steady_clock::now();
    if (swept_next_ > now) return;
    swept_next_ = TimePoint::max();
    for (ListedTransfer* const transfer : transfers_) {
        if (transfer->finished_) continue;
        TransferSink& sink = *transfer->sink_;
        if (sink.deadline() <= now) {
            sink.on_deadline(now);
            mark(*transfer);
        }
        swept_next_ = std::min(swept_next_, std::max(sink.deadline(), now + kSweepEvery));
    }
}

}  // namespace gateway
