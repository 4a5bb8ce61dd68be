#include "billing/triage.h"

#include <catch2/catch.hpp>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

Pending pending(Kind kind, int64_t request, NanoUsd amount, CommitWaiter* waiter) {
    Pending result;
    result.entry = Entry(kind, kStart);
    if (request != 0) result.entry.set(Column::request, request);
    result.entry.set(Column::account, 1);
    result.entry.set(Column::amount, amount.n);
    result.waiter = waiter;
    return result;
}

}  // namespace

TEST_CASE("triage: who can be told no is, and what was given out is kept in its order",
          "[billing]") {
    Book book;
    REQUIRE(book.load_account({1}, {"alice"}));
    REQUIRE(book.load_credit({1}, NanoUsd{1'000}));
    const Caller caller{{1}, {1}};
    for (int i = 0; i < 3; ++i) REQUIRE(book.reserve(caller, NanoUsd{100}));  // requests 1, 2, 3
    REQUIRE(book.end({1}, NanoUsd{40}));  // its RESERVE is on disk, its SETTLE is not
    REQUIRE(book.end({2}, NanoUsd{60}));  // neither is

    std::array<Waiter, 8> waiters;
    std::vector<Pending> unwritten;
    unwritten.push_back(pending(Kind::name, 0, {}, nullptr));
    unwritten.push_back(pending(Kind::reserve, 2, NanoUsd{100}, &waiters[0]));
    unwritten.push_back(pending(Kind::settle, 1, NanoUsd{40}, &waiters[1]));
    unwritten.push_back(pending(Kind::settle, 2, NanoUsd{60}, &waiters[2]));
    unwritten.push_back(pending(Kind::reserve, 3, NanoUsd{100}, &waiters[3]));
    unwritten.push_back(pending(Kind::credit, 0, NanoUsd{500}, &waiters[4]));
    unwritten.push_back(pending(Kind::key_disabled, 0, {}, &waiters[5]));
    unwritten.push_back({Entry(), nullptr, &waiters[6], true});

    const Triage result = triage(std::move(unwritten), book);
    REQUIRE(result.kept.size() == 3);
    CHECK(result.kept[0].entry.is(Kind::name));
    CHECK(result.kept[1].entry.is(Kind::settle));
    CHECK(result.kept[1].waiter == &waiters[1]);
    CHECK(result.kept[2].entry.is(Kind::key_disabled));
    CHECK(result.kept[2].waiter == nullptr);

    const std::vector<std::pair<CommitWaiter*, bool>> expected = {
        {&waiters[0], false}, {&waiters[2], true},  {&waiters[3], false},
        {&waiters[4], false}, {&waiters[5], false}, {&waiters[6], true}};
    REQUIRE(result.answers.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
        CHECK(result.answers[i].waiter == expected[i].first);
        CHECK(result.answers[i].is_durable == expected[i].second);
    }
    CHECK(book.balance({1}).spent == NanoUsd{40});
    CHECK(book.balance({1}).reserved == NanoUsd{0});
    CHECK(book.n_open() == 0);
}
