// Keys of requests that may be sent again: what is kept commits with the entries it belongs to.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

IdempotencyKey key_of(unsigned char key, unsigned char body = 0) {
    IdempotencyKey made;
    made.key.fill(key);
    made.body.fill(body);
    return made;
}

Hold reserve(Billing& billing, const Caller& caller, const IdempotencyKey& key,
             UnixMillis now = kStart) {
    Waiter waiter;
    Reservation reservation{caller, "route-a", kCent, now};
    reservation.once = key;
    const Hold hold = must(billing.reserve(reservation, waiter));
    REQUIRE(waiter.wait());
    return hold;
}

void settle(Billing& billing, const Hold& hold, std::optional<KeptAnswer> answer) {
    const AppliedPrice price = plain_price();
    Settlement settlement;
    settlement.endpoint = "endpoint-a";
    settlement.price = &price;
    settlement.tokens = {1, 0, 0, 1, 0};
    settlement.now = hold.at;
    settlement.answer = std::move(answer);
    Waiter waiter;
    billing.settle(hold, settlement, &waiter);
    REQUIRE(waiter.wait());
}

std::optional<EarlierRequest> find(Billing& billing, const Caller& caller, unsigned char key,
                                   UnixMillis now = kStart) {
    return must(billing.find_earlier(caller.account, key_of(key).key, now));
}

}  // namespace

TEST_CASE("idempotency: a key is free until a request has it, and then names its answer",
          "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    CHECK(!find(billing, alice, 1));
    const Hold hold = reserve(billing, alice, key_of(1, 7));
    const auto running = find(billing, alice, 1);
    REQUIRE(running);
    CHECK(running->request == hold.request);
    CHECK(running->body == key_of(0, 7).body);
    CHECK(!running->answer);

    settle(billing, hold, KeptAnswer{"text/plain", std::string("a\0b", 3)});
    const auto found = find(billing, alice, 1);
    REQUIRE((found && found->answer));
    CHECK(found->answer->media == "text/plain");
    CHECK(found->answer->bytes == std::string("a\0b", 3));
    CHECK(!find(billing, alice, 2));
    CHECK(!find(billing, {{alice.account.n + 1}, alice.key}, 1));
    const int64_t n_bytes = billing.n_bytes_kept(alice.account, kStart);
    CHECK(n_bytes > 3);

    Billing& again = ledger.open();
    CHECK(find(again, alice, 1)->answer->bytes == std::string("a\0b", 3));
    CHECK(again.n_bytes_kept(alice.account, kStart) == n_bytes);
}

TEST_CASE("idempotency: what cost nothing frees its key", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const Hold hold = reserve(billing, alice, key_of(1));
    Waiter waiter;
    billing.release(hold, Outcome::upstream_error, kStart, &waiter);
    REQUIRE(waiter.wait());
    CHECK(!find(billing, alice, 1));
    CHECK(billing.n_bytes_kept(alice.account, kStart) == 0);
    settle(billing, reserve(billing, alice, key_of(1)), KeptAnswer{"m", "second"});
    CHECK(find(billing, alice, 1)->answer->bytes == "second");
}

TEST_CASE("idempotency: answers go after a day, and their keys are free", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    UnixMillis last;  // the book's clock is ahead of kStart
    for (unsigned char i = 1; i <= 20; ++i) {
        const Hold hold = reserve(billing, alice, key_of(i));
        settle(billing, hold, KeptAnswer{"m", "first"});
        last = hold.at;
    }
    const UnixMillis day_end{last.ms + kAnswersKept.count()};
    const UnixMillis next_day{day_end.ms + 1};
    CHECK(find(billing, alice, 20, day_end));
    CHECK(!find(billing, alice, 1, next_day));
    CHECK(billing.n_bytes_kept(alice.account, day_end) > 0);
    CHECK(billing.n_bytes_kept(alice.account, next_day) == 0);
    // New keys take the old rows away, an old one's own first of all.
    settle(billing, reserve(billing, alice, key_of(1), next_day), KeptAnswer{"m", "second"});
    CHECK(find(billing, alice, 1, next_day)->answer->bytes == "second");
    for (unsigned char i = 101; i <= 105; ++i)
        settle(billing, reserve(billing, alice, key_of(i), next_day), KeptAnswer{"m", "third"});
    ledger.close();
    CHECK(ledger.query("SELECT count(*) FROM answers") == 6);
    CHECK(must(verify(ledger.path())).first_bad.empty());
}

TEST_CASE("idempotency: of a request that its process left open the key stays taken", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    ledger.close();
    const pid_t child = ::fork();
    if (child == 0) {
        const auto billing = Billing::open(ledger.options());
        if (!billing) ::_exit(2);
        (void)reserve(**billing, alice, key_of(1, 9));
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    Billing& billing = ledger.open();
    const auto orphan = find(billing, alice, 1);
    REQUIRE(orphan);
    CHECK(!orphan->answer);
    CHECK(orphan->body == key_of(0, 9).body);
    CHECK(billing.counters().n_reservations_open == 0);
    CHECK(must(billing.balance("alice")).spent == NanoUsd{0});
}
