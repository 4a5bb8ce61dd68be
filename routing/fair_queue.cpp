#include "routing/fair_queue.h"

#include <algorithm>
#include <iterator>

namespace routing {

FairQueue::Ticket FairQueue::push(uint64_t account, int64_t n_tokens) {
    const Ticket ticket = ++last_ticket_;
    auto found = accounts_.find(account);
    if (found == accounts_.end()) {
        const auto behind = turn_ == ring_.end() ? ring_.end() : std::next(turn_);
        const auto made = ring_.insert(behind, Account{account, {}, 0});
        if (turn_ == ring_.end()) {
            turn_ = made;
            turn_->deficit = kQuantum;
        }
        found = accounts_.emplace(account, made).first;
    }
    found->second->items.push_back({ticket, std::max<int64_t>(n_tokens, 1)});
    accounts_by_ticket_.emplace(ticket, account);
    return ticket;
}

std::optional<FairQueue::Ticket> FairQueue::pop(const May& may) {
    if (std::ranges::none_of(ring_, may, &Account::id)) return {};
    turn_to_one_that(may);
    while (turn_->items.front().n_tokens > turn_->deficit) {
        next_turn();
        turn_to_one_that(may);
    }
    const Item item = turn_->items.front();
    turn_->deficit -= item.n_tokens;
    remove(item.ticket);
    return item.ticket;
}

void FairQueue::next_turn() {
    if (++turn_ == ring_.end()) turn_ = ring_.begin();
    turn_->deficit += kQuantum;
}

// Whoever may not be served is passed over, and saves nothing up.
void FairQueue::turn_to_one_that(const May& may) {
    while (!may(turn_->id)) {
        turn_->deficit = 0;
        next_turn();
    }
}

void FairQueue::remove(Ticket ticket) {
    const auto found = accounts_by_ticket_.find(ticket);
    if (found == accounts_by_ticket_.end()) return;
    const Ring::iterator account = accounts_.at(found->second);
    accounts_by_ticket_.erase(found);
    std::erase_if(account->items, [ticket](const Item& item) { return item.ticket == ticket; });
    if (account->items.empty()) drop(account);
}

// What it did not take is lost: nobody saves up for later.
void FairQueue::drop(Ring::iterator account) {
    accounts_.erase(account->id);
    const bool is_served = account == turn_;
    const auto next = ring_.erase(account);
    if (!is_served) return;
    turn_ = next == ring_.end() ? ring_.begin() : next;
    if (turn_ != ring_.end()) turn_->deficit += kQuantum;
}

}  // namespace routing
