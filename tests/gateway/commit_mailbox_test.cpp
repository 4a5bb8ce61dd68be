#include "gateway/chat/commit_mailbox.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>

using namespace gateway;
namespace asio = boost::asio;

TEST_CASE("commit mailbox: a letter that came before the wait is not lost", "[chat]") {
    asio::io_context io;
    CommitMailbox mailbox(io);
    CommitMailbox::Ticket ticket(mailbox);
    ticket.on_committed(true);
    io.run();
    io.restart();
    std::optional<bool> durable;
    asio::co_spawn(
        io,
        [](auto& t, auto& out) -> asio::awaitable<void> { out = co_await t.durable(); }(ticket,
                                                                                        durable),
        asio::detached);
    io.run();
    CHECK(durable == true);
}

TEST_CASE("commit mailbox: every waiter hears its own answer from another thread",
          "[chat][threads]") {
    constexpr int kTickets = 2'000;
    asio::io_context io;
    CommitMailbox mailbox(io);
    std::vector<std::unique_ptr<CommitMailbox::Ticket>> tickets;
    for (int i = 0; i < kTickets; ++i)
        tickets.push_back(std::make_unique<CommitMailbox::Ticket>(mailbox));
    int n_right = 0, n_done = 0;
    auto work = asio::make_work_guard(io);
    for (int i = 0; i < kTickets; ++i) {
        asio::co_spawn(
            io,
            [](auto& ticket, bool expected, int& right, int& done,
               auto& guard) -> asio::awaitable<void> {
                if (co_await ticket.durable() == expected) ++right;
                if (++done == kTickets) guard.reset();
            }(*tickets[static_cast<size_t>(i)], i % 3 != 0, n_right, n_done, work),
            asio::detached);
    }
    std::thread writer([&] {
        for (int i = 0; i < kTickets; ++i)
            tickets[static_cast<size_t>(i)]->on_committed(i % 3 != 0);
    });
    io.run();
    writer.join();
    CHECK(n_right == kTickets);
}
