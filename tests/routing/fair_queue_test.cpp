#include "routing/fair_queue.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <vector>

using routing::FairQueue;

TEST_CASE("fair queue: within an account the order is kept", "[routing]") {
    FairQueue queue;
    std::vector<FairQueue::Ticket> pushed, popped;
    for (int i = 0; i < 20; ++i) pushed.push_back(queue.push(7, 1 + i * 977 % 5'000));
    while (const auto ticket = queue.pop()) popped.push_back(*ticket);
    CHECK(popped == pushed);
    CHECK(queue.size() == 0);
}

TEST_CASE("fair queue: one request of a light account passes a heavy one's many", "[routing]") {
    FairQueue queue;
    for (int i = 0; i < 200; ++i) queue.push(1, 1'000);
    for (int i = 0; i < 10; ++i) queue.pop();
    const auto light = queue.push(2, 1'000);
    int n_before = 0;
    while (*queue.pop() != light) ++n_before;
    CHECK(n_before <= 1);
    CHECK(queue.size() == static_cast<size_t>(190 - n_before));
}

TEST_CASE("fair queue: a request larger than a turn waits for several, and is served",
          "[routing]") {
    FairQueue queue;
    const auto large = queue.push(1, 10 * FairQueue::kQuantum);
    for (int i = 0; i < 100; ++i) queue.push(2, FairQueue::kQuantum);
    int n_before = 0;
    while (*queue.pop() != large) ++n_before;
    CHECK(n_before >= 9);
    CHECK(n_before <= 11);
}

TEST_CASE("fair queue: accounts that wait get the same tokens", "[routing]") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937 random(seed);
        FairQueue queue;
        std::map<FairQueue::Ticket, std::pair<uint64_t, int64_t>> waiting;
        std::map<uint64_t, int64_t> served;
        int64_t n_tokens_max = 0;
        const auto push = [&](uint64_t account) {
            // The more an account's number, the larger its requests.
            const auto n_tokens = static_cast<int64_t>(1 + random() % (account * 800));
            n_tokens_max = std::max(n_tokens_max, n_tokens);
            waiting.emplace(queue.push(account, n_tokens), std::pair(account, n_tokens));
        };
        for (uint64_t account = 1; account <= 5; ++account)
            for (int i = 0; i < 3; ++i) push(account);
        for (int i = 0; i < 5'000; ++i) {
            const auto ticket = queue.pop();
            REQUIRE(ticket);
            const auto [account, n_tokens] = waiting.at(*ticket);
            waiting.erase(*ticket);
            served[account] += n_tokens;
            push(account);  // each always has somebody waiting
            // Some give up.
            if (i % 7 == 0) {
                auto gone = waiting.begin();
                std::advance(gone, static_cast<ptrdiff_t>(random() % waiting.size()));
                const uint64_t whose = gone->second.first;
                push(whose);
                queue.remove(gone->first);
                waiting.erase(gone);
            }
            REQUIRE(queue.size() == waiting.size());
        }
        for (const auto& [a, of_a] : served)
            for (const auto& [b, of_b] : served)
                CHECK(of_a - of_b <= 2 * (FairQueue::kQuantum + n_tokens_max));
    }
}

TEST_CASE("fair queue: who may not be served is passed over, and keeps its place", "[routing]") {
    FairQueue queue;
    const auto first = queue.push(1, 3'000), second = queue.push(2, 3'000),
               third = queue.push(2, 1);
    const auto not_one = [](uint64_t account) { return account != 1; };
    CHECK(queue.pop(not_one) == second);
    CHECK(queue.pop(not_one) == third);
    CHECK(!queue.pop(not_one));
    CHECK(queue.size() == 1u);
    CHECK(queue.pop() == first);
}

TEST_CASE("fair queue: who leaves is not served", "[routing]") {
    FairQueue queue;
    const auto first = queue.push(1, 10), second = queue.push(2, 10), third = queue.push(3, 10);
    queue.remove(first);
    queue.remove(first);
    queue.remove(second);
    CHECK(queue.pop() == third);
    CHECK(!queue.pop());
    queue.remove(third);
    CHECK(queue.pop() == std::nullopt);
    const auto again = queue.push(1, 10);
    CHECK(queue.pop() == again);
}
