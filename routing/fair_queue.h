#pragma once
// Who is next when accounts wait for the same thing: deficit round robin (Shreedhar and Varghese,
// SIGCOMM 1995) over tokens. Accounts that all have somebody waiting are served the same number of
// tokens, whatever the number and the size of their requests; within an account the order is kept.
// An account that comes new is next after the one that is being served.
//
// Confined to whoever locks it. A step takes as long as there are accounts that wait.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>

namespace routing {

class FairQueue {
public:
    // A turn's worth of tokens: what an account may be ahead of another, beside one request.
    static constexpr int64_t kQuantum = 1'024;

    using Ticket = uint64_t;
    // `n_tokens` is what the request may take, at least 1.
    Ticket push(uint64_t account, int64_t n_tokens);
    // Of the accounts that `may` be served. Nothing: none of them waits.
    using May = std::function<bool(uint64_t account)>;
    std::optional<Ticket> pop(const May& may);
    std::optional<Ticket> pop() {
        return pop([](uint64_t) { return true; });
    }
    void remove(Ticket ticket);  // harmless if it is not there
    size_t size() const { return accounts_by_ticket_.size(); }

private:
    struct Item {
        Ticket ticket;
        int64_t n_tokens;
    };
    struct Account {
        uint64_t id = 0;
        std::deque<Item> items;  // not empty
        int64_t deficit = 0;     // tokens that it may take in this round
    };
    using Ring = std::list<Account>;

    void next_turn();
    void turn_to_one_that(const May& may);
    void drop(Ring::iterator account);

    Ring ring_;
    Ring::iterator turn_ = ring_.end();  // who is served; end: nobody waits
    std::unordered_map<uint64_t, Ring::iterator> accounts_;
    std::unordered_map<Ticket, uint64_t> accounts_by_ticket_;
    Ticket last_ticket_ = 0;
};

}  // namespace routing
