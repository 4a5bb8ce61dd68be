#include "billing/request_view.h"

#include <catch2/catch.hpp>
#include <set>

#include "billing/request_names.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

TEST_CASE("request names: one to one with the numbers, and made-up ones are none", "[billing]") {
    Pepper pepper{};
    const auto names = make_request_names(pepper);
    std::set<std::string> seen;
    for (const int64_t n : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{256}, int64_t{1'000'000},
                            INT64_MAX - 1, INT64_MAX}) {
        const std::string name = names->name({n});
        INFO(name);
        CHECK(name.size() == 36);
        CHECK(name.starts_with("req_"));
        CHECK(seen.insert(name).second);
        CHECK(names->find(name) == RequestId{n});
        CHECK(names->find(std::to_string(n)) == RequestId{n});
        for (size_t i = 4; i < name.size(); ++i) {
            std::string other = name;
            other[i] = other[i] == '0' ? '1' : '0';
            CHECK(!names->find(other));
        }
    }
    const std::string name = names->name({10});  // has letters
    std::string upper = name;
    for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    upper.replace(0, 4, "req_");
    REQUIRE(upper != name);
    for (const std::string& text :
         {upper, name + "0", name.substr(0, 35), std::string("req_"), std::string(),
          std::string("0"), std::string("-1"), std::string("+1"), std::string("1x"),
          std::string("9223372036854775808"), "req_" + std::string(32, '0'),
          "req_" + std::string(32, 'g')}) {
        INFO(text);
        CHECK(!names->find(text));
    }
    pepper[0] = 1;
    const auto others = make_request_names(pepper);
    CHECK(others->name({10}) != name);
    CHECK(!others->find(name));
}

TEST_CASE("request names: a ledger's are the same beside it and in it", "[billing]") {
    LedgerFixture ledger;
    const std::string name = ledger.open().make_request_names()->name({7});
    CHECK(must(open_request_names(ledger.path()))->find(name) == RequestId{7});
    ledger.close();
    std::filesystem::remove(ledger.path().string() + ".pepper");
    CHECK(!open_request_names(ledger.path()));
}

TEST_CASE("request view: what was held, used and charged, its parts adding up", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const NanoUsd funds{5'000'000'000};
    const Caller alice = ledger.make_caller("alice", funds);
    const AppliedPrice price = price_of("p", {1'234'567, 10, 20, 3'000'000, 4});
    Settlement used = settlement(price, {1'000'001, 7, 3, 2, 1}, kStart);
    used.upstream_tokens = TokenCounts{9, 8, 7, 6, 5};
    used.source = CountSource::upstream;
    used.outcome = Outcome::length;
    used.flags = flag_estimated;
    const Hold hold = ledger.reserve(alice, funds);
    Waiter waiter;
    const NanoUsd charged = ledger.billing().settle(hold, used, &waiter);
    waiter.wait();

    const RequestView view = must(find_request(ledger.path(), hold.request));
    CHECK(view.account_name == "alice");
    CHECK(view.key == alice.key);
    CHECK(view.key_last4.size() == 4);
    CHECK(view.route == "route-a");
    CHECK(view.held == funds);
    CHECK(view.at >= kStart);
    REQUIRE(view.ending);
    const RequestView::Ending& ending = *view.ending;
    CHECK(ending.is_settled);
    CHECK(ending.charged == charged);
    CHECK(charged == NanoUsd{1'234'574'235});
    CHECK(ending.outcome == Outcome::length);
    CHECK(ending.endpoint == "endpoint-a");
    CHECK(ending.model == "model-a");
    CHECK(ending.source == CountSource::upstream);
    CHECK(ending.price.name == "p");
    CHECK(ending.price.effective_from == kStart);
    CHECK(flags_text(ending.flags) == "estimated");
    CHECK(ending.upstream_tokens == TokenCounts{9, 8, 7, 6, 5});
    REQUIRE(ending.parts.size() == 5);
    // 1,234,568,234.567 and 0.070, 0.060, 6,000, 0.004 nano-dollars.
    CHECK(ending.parts[0].cost == NanoUsd{1'234'568'235});
    CHECK(ending.parts[1].cost == NanoUsd{0});
    CHECK(ending.parts[2].cost == NanoUsd{0});
    CHECK(ending.parts[3].cost == NanoUsd{6'000});
    CHECK(ending.parts[4].cost == NanoUsd{0});
    CHECK(ending.entry > view.entry);
}

TEST_CASE("request view: open and released requests, and none", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller alice = ledger.make_caller("alice", kUsd);
    const Hold hold = ledger.reserve(alice, kCent);
    CHECK(!must(find_request(ledger.path(), hold.request)).ending);
    Waiter waiter;
    ledger.billing().release(hold, Outcome::upstream_error, kStart, &waiter);
    waiter.wait();
    const RequestView view = must(find_request(ledger.path(), hold.request));
    REQUIRE(view.ending);
    CHECK(!view.ending->is_settled);
    CHECK(view.ending->charged == NanoUsd{0});
    CHECK(view.ending->outcome == Outcome::upstream_error);
    CHECK(flags_text(view.ending->flags).empty());
    CHECK(find_request(ledger.path(), {hold.request.n + 1}).error().code == Errc::request_unknown);
    CHECK(find_request(ledger.path(), {0}).error().code == Errc::request_unknown);
}

TEST_CASE("request view: all flags have a name", "[billing]") {
    CHECK(flags_text(flag_none).empty());
    CHECK(flags_text(flag_estimated | flag_usage_clamped | flag_usage_zero | flag_recovered) ==
          "estimated, usage_clamped, usage_zero, recovered");
}
