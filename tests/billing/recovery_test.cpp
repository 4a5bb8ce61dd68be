// What a crash leaves open is settled by its last checkpoint, or released, when the ledger opens.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

#include "billing/request_view.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

const Caller kAlice{{1}, {1}};
constexpr NanoUsd kHeld{1'000};

Checkpoint checkpoint_of(const AppliedPrice& price, int64_t n_tokens) {
    Checkpoint checkpoint;
    checkpoint.endpoint = "endpoint-a";
    checkpoint.model = "model-a";
    checkpoint.price = &price;
    checkpoint.started = kStart;
    checkpoint.now = {kStart.ms + 5'000};
    checkpoint.tokens = {10, 0, 0, n_tokens, 0};
    return checkpoint;
}

Hold reserve(Billing& billing) {
    Waiter waiter;
    const Hold hold = must(billing.reserve({kAlice, "route-a", kHeld, kStart}, waiter));
    if (!waiter.wait()) ::_exit(3);
    return hold;
}

// What was queued before is on disk.
void flush(Billing& billing) {
    billing.release(reserve(billing), Outcome::client_gone, kStart, nullptr);
    billing.release(reserve(billing), Outcome::client_gone, kStart, nullptr);
}

// A ledger that a process left behind, killed at the end of `life`.
struct LeftBehind {
    LedgerFixture ledger;

    explicit LeftBehind(const std::function<void(Billing&)>& life) {
        ledger.open();
        ledger.make_caller("alice", kUsd);
        ledger.close();
        const pid_t child = ::fork();
        if (child == 0) {
            const auto billing = Billing::open(ledger.options());
            if (!billing) ::_exit(2);
            life(**billing);
            ::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));
    }
    RequestView::Ending end_of(int64_t request) {
        return *must(find_request(ledger.path(), {request})).ending;
    }
    void check_sound() {
        const Verification verified = must(verify(ledger.path()));
        CHECK(verified.first_bad == "");
        CHECK(verified.n_open_holds == 0);
        CHECK(ledger.query("SELECT count(*) FROM checkpoints") == 0);
        CHECK(must(ledger.billing().balance("alice")).reserved == NanoUsd{0});
    }
};

}  // namespace

TEST_CASE("recovery: an open stream is settled by its last checkpoint, with its attempt",
          "[billing]") {
    LeftBehind left([](Billing& billing) {
        const AppliedPrice price = plain_price();
        const Hold hold = reserve(billing);
        billing.checkpoint(hold, checkpoint_of(price, 50));
        billing.checkpoint(hold, checkpoint_of(price, 100));
        flush(billing);
    });
    CHECK(left.ledger.query("SELECT output_answer FROM checkpoints") == 100);
    left.ledger.open();
    const RequestView::Ending end = left.end_of(1);
    CHECK(end.is_settled);
    CHECK(end.charged == NanoUsd{210});
    CHECK(end.outcome == Outcome::internal);
    CHECK(end.source == CountSource::counted);
    CHECK(end.endpoint == "endpoint-a");
    CHECK(end.model == "model-a");
    CHECK(end.price.name == "plain");
    CHECK(flags_text(end.flags) == "estimated, recovered");
    const auto attempts = must(find_request(left.ledger.path(), {1})).attempts;
    REQUIRE(attempts.size() == 1);
    CHECK(attempts[0].outcome == AttemptOutcome::lost);
    CHECK(attempts[0].cost == NanoUsd{210});
    CHECK(attempts[0].started == kStart);
    CHECK(must(left.ledger.billing().balance("alice")).spent == NanoUsd{210});
    left.check_sound();
    left.ledger.open();  // and once only
    CHECK(must(left.ledger.billing().balance("alice")).spent == NanoUsd{210});
}

TEST_CASE("recovery: never above the hold, and an engine's count is no estimate", "[billing]") {
    LeftBehind left([](Billing& billing) {
        const AppliedPrice price = plain_price();
        billing.checkpoint(reserve(billing), checkpoint_of(price, 1'000'000));
        Checkpoint exact = checkpoint_of(price, 4);
        exact.source = CountSource::engine;
        billing.checkpoint(reserve(billing), exact);
        flush(billing);
    });
    left.ledger.open();
    CHECK(left.end_of(1).charged == kHeld);
    CHECK(flags_text(left.end_of(1).flags) == "estimated, usage_clamped, recovered");
    CHECK(left.end_of(2).charged == NanoUsd{18});
    CHECK(flags_text(left.end_of(2).flags) == "recovered");
    left.check_sound();
}

TEST_CASE("recovery: without a checkpoint nothing is charged", "[billing]") {
    LeftBehind left([](Billing& billing) {
        reserve(billing);
        flush(billing);
    });
    left.ledger.open();
    CHECK(!left.end_of(1).is_settled);
    CHECK(flags_text(left.end_of(1).flags) == "recovered");
    CHECK(must(find_request(left.ledger.path(), {1})).attempts.empty());
    left.check_sound();
}

TEST_CASE("checkpoint: goes with the commit that ends its request, and comes no more after",
          "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ledger.make_caller("alice", kUsd);
    const AppliedPrice price = plain_price();
    const Hold settled = ledger.reserve(kAlice, kHeld);
    const Hold released = ledger.reserve(kAlice, kHeld);
    const Hold open = ledger.reserve(kAlice, kHeld);
    for (const Hold& hold : {settled, released, open})
        ledger.billing().checkpoint(hold, checkpoint_of(price, 5));
    ledger.reserve(kAlice, kHeld);
    CHECK(ledger.query("SELECT count(*) FROM checkpoints") == 3);
    ledger.settle(settled, {1, 0, 0, 0, 0});
    Waiter told;
    ledger.billing().release(released, Outcome::cut, kStart, &told);
    told.wait();
    for (const Hold& hold : {settled, released})
        ledger.billing().checkpoint(hold, checkpoint_of(price, 9));
    ledger.reserve(kAlice, kHeld);
    CHECK(ledger.query("SELECT count(*) FROM checkpoints") == 1);
    CHECK(ledger.query("SELECT request FROM checkpoints") == open.request.n);
    CHECK(must(ledger.billing().balance("alice")).spent == NanoUsd{1});
    CHECK(must(verify(ledger.path())).first_bad == "");
}

TEST_CASE("recovery: a checkpoint that somebody changed is not settled by", "[billing]") {
    LeftBehind left([](Billing& billing) {
        const AppliedPrice price = plain_price();
        billing.checkpoint(reserve(billing), checkpoint_of(price, 5));
        flush(billing);
    });
    left.ledger.tamper(
        GENERATE("UPDATE checkpoints SET price = 99", "UPDATE checkpoints SET endpoint = 99",
                 "UPDATE checkpoints SET model = 0", "UPDATE checkpoints SET output_answer = -1"));
    const auto refused = Billing::open(left.ledger.options());
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::ledger_broken);
    CHECK_THAT(refused.error().detail, Catch::Contains("checkpoint of request 1"));
}
