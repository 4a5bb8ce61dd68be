#pragma once
// Brings "it is on disk" from the billing writer back to the io thread that waits for it: one post
// per io thread and group commit, not one per request.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>
#include <vector>

#include "billing/billing.h"
#include "gateway/chat/wake.h"

namespace gateway {

// One per io thread; outlives its tickets.
class CommitMailbox {
public:
    explicit CommitMailbox(boost::asio::io_context& io) : io_(io) {}
    CommitMailbox(const CommitMailbox&) = delete;

    // Waits for one entry. Lives in the coroutine that waits; must be awaited before it is
    // destroyed whenever the ledger accepted it.
    class Ticket final : public billing::CommitWaiter {
    public:
        explicit Ticket(CommitMailbox& mailbox) : mailbox_(mailbox) {}
        // The answer of CommitWaiter::on_committed. May be asked again.
        boost::asio::awaitable<bool> durable();
        void on_committed(bool durable) noexcept override;  // writer thread

    private:
        friend class CommitMailbox;
        CommitMailbox& mailbox_;
        // Touched on the io thread only.
        Wake wake_;
        bool arrived_ = false;
        bool durable_ = false;
    };

private:
    struct Letter {
        Ticket* ticket;
        bool durable;
    };
    void deliver();  // io thread

    boost::asio::io_context& io_;
    std::mutex mutex_;
    std::vector<Letter> letters_;  // guarded by mutex_
};

}  // namespace gateway
