#include "gateway/chat/commit_mailbox.h"

#include <boost/asio/post.hpp>

namespace gateway {

boost::asio::awaitable<bool> CommitMailbox::Ticket::durable() {
    while (!arrived_) co_await wake_.wait();
    co_return durable_;
}

void CommitMailbox::Ticket::on_committed(bool durable) noexcept {
    bool first;
    {
        const std::lock_guard lock(mailbox_.mutex_);
        first = mailbox_.letters_.empty();
        mailbox_.letters_.push_back({this, durable});
    }
    // Letters that arrive before the io thread wakes share one delivery.
    if (first) boost::asio::post(mailbox_.io_, [&mailbox = mailbox_] { mailbox.deliver(); });
}

void CommitMailbox::deliver() {
    std::vector<Letter> letters;
    {
        const std::lock_guard lock(mutex_);
        letters.swap(letters_);
    }
    for (const Letter& letter : letters) {
        letter.ticket->durable_ = letter.durable;
        letter.ticket->arrived_ = true;
        letter.ticket->wake_.fire();  // may end the ticket's life
    }
}

}  // namespace gateway
