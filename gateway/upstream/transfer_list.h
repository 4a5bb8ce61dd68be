#pragma once
// The open transfers of one protocol engine: tells their sinks that something happened, once the
// engine has returned, and that a deadline has passed.
//
// Confined to one io thread.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "gateway/upstream/transfer.h"

namespace gateway {

class TransferList;

// What the list keeps of a transfer; each engine derives its own from it.
class ListedTransfer : public Transfer {
public:
    explicit ListedTransfer(TransferSink& sink) : sink_(&sink) {}

    bool is_finished() const override { return finished_; }
    void hand_over(TransferSink& sink) override { sink_ = &sink; }

protected:
    TransferSink* sink_;
    bool finished_ = false;

private:
    friend class TransferList;

    size_t index_ = 0;  // in TransferList::transfers_
    bool marked_ = false;
};

class TransferList {
public:
    explicit TransferList(boost::asio::io_context& io);
    ~TransferList();
    TransferList(const TransferList&) = delete;
    TransferList& operator=(const TransferList&) = delete;

    void add(ListedTransfer& transfer);
    void remove(ListedTransfer& transfer);
    // Its sink is told on_turn_end() by the next deliver().
    void mark(ListedTransfer& transfer);
    // Calls out: anything may change meanwhile, the engine too.
    void deliver();
    void deliver_soon();
    // A sink's deadline is now this, and may be earlier than it was.
    void deadline_moved(TimePoint deadline);

private:
    void arm();
    void sweep();

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    TimePoint swept_next_ = TimePoint::max();
    TimePoint armed_ = TimePoint::max();
    bool deliver_posted_ = false;
    std::vector<ListedTransfer*> transfers_;
    std::vector<ListedTransfer*> marked_, telling_;  // a destroyed one leaves null in telling_
    std::shared_ptr<int> alive_ =
        std::make_shared<int>(0);  // handlers that outlast this look at it
};

}  // namespace gateway
