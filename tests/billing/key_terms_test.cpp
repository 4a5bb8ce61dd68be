// Keys with terms: rotated, expiring, bound to routes, endpoints and networks.
#include "billing/key_terms.h"

#include <catch2/catch.hpp>

#include "billing/request_view.h"
#include "billing/wall_clock.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

bool is_in(const char* network, const char* address) {
    const auto parsed = Network::parse(network);
    REQUIRE(parsed);
    return parsed->contains(address);
}

Result<Authenticated> use(Billing& billing, const std::string& key, UnixMillis now,
                          const std::string& address = "127.0.0.1") {
    return billing.authenticate(*billing.make_hasher(), key, {now, address});
}

}  // namespace

TEST_CASE("network: what is in it and what is none", "[billing]") {
    CHECK(is_in("10.0.0.0/8", "10.255.0.1"));
    CHECK(!is_in("10.0.0.0/8", "11.0.0.1"));
    CHECK(is_in("10.0.0.0/8", "::ffff:10.0.0.1"));
    CHECK(is_in("192.168.4.0/22", "192.168.7.255"));
    CHECK(!is_in("192.168.4.0/22", "192.168.8.0"));
    CHECK(is_in("0.0.0.0/0", "1.2.3.4"));
    CHECK(!is_in("0.0.0.0/0", "2001:db8::1"));
    CHECK(is_in("::/0", "1.2.3.4"));
    CHECK(is_in("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK(!is_in("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(is_in("127.0.0.1", "127.0.0.1"));
    CHECK(!is_in("127.0.0.1", "localhost"));
    for (const char* none : {"", "/", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                             "10.0.0.0/", "10.0.0/8", "::/129", "a.b.c.d", "::1/127"})
        CHECK(!Network::parse(none));
}

TEST_CASE("key terms: lists are sorted and checked, and come back from their row", "[billing]") {
    KeyTerms terms{"ci", {"env=prod", "app=x"}, UnixMillis{5}, {"b", "a"}, {"e/1"}, {"::1"}};
    const KeyTerms sorted = must(checked(terms));
    CHECK(sorted.labels == std::vector<std::string>{"app=x", "env=prod"});
    CHECK(sorted.routes == std::vector<std::string>{"a", "b"});
    CHECK(*to_terms(to_row({7}, sorted)) == sorted);
    CHECK(*to_terms(to_row({7}, {})) == KeyTerms{});
    CHECK(!to_terms({7, "ci", "b=1,a=2", 0, "", "", ""}));  // not in order
    for (auto spoil : std::vector<std::function<void(KeyTerms&)>>{
             [](KeyTerms& t) { t.name = "a b"; }, [](KeyTerms& t) { t.labels = {"x"}; },
             [](KeyTerms& t) {
                 t.labels = {"x=1", "x=2"};
             },
             [](KeyTerms& t) { t.labels = {"=1"}; }, [](KeyTerms& t) { t.routes = {"a,b"}; },
             [](KeyTerms& t) {
                 t.routes = {"a", "a"};
             },
             [](KeyTerms& t) { t.endpoints = {""}; },
             [](KeyTerms& t) { t.networks = {"10.0.0.1/8"}; },
             [](KeyTerms& t) { t.expires_at = UnixMillis{-1}; },
             [](KeyTerms& t) { t.routes.assign(101, "x"); }}) {
        KeyTerms spoilt = sorted;
        spoil(spoilt);
        CHECK(checked(spoilt).error().code == Errc::text_invalid);
    }
}

TEST_CASE("keys: scopes, labels and expiry hold, also after a start", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("alice"));
    must(billing.add_credit("alice", kUsd));
    const UnixMillis now = wall_clock();
    const UnixMillis end{now.ms + 1'000'000};
    const NewKey key = must(billing.create_key(
        "alice", {"ci", {"env=prod"}, end, {"route-a"}, {"endpoint-a"}, {"127.0.0.0/8"}}));
    const NewKey plain = must(billing.create_key("alice", {}));
    for (int round = 0; round < 3; ++round) {
        Billing& open = ledger.billing();
        const Authenticated found = must(use(open, key.text, now));
        REQUIRE(found.scope);
        CHECK(found.scope->allows_route("route-a"));
        CHECK(!found.scope->allows_route("route-b"));
        CHECK(found.scope->allows_endpoint("endpoint-a"));
        CHECK(!found.scope->allows_endpoint("endpoint-b"));
        CHECK(use(open, key.text, now, "10.0.0.1").error().code == Errc::network_refused);
        CHECK(use(open, key.text, now, "").error().code == Errc::network_refused);
        CHECK(use(open, key.text, {end.ms - 1}));
        CHECK(use(open, key.text, end).error().code == Errc::key_unknown);
        CHECK(!must(use(open, plain.text, end)).scope);
        const KeyInfo info = open.keys()[0];
        CHECK(info.id == key.id);
        CHECK(info.terms.name == "ci");
        CHECK(info.terms.expires_at == end);
        CHECK(info.last_used_at == UnixMillis{end.ms - 1});
        ledger.close();
        if (round == 1) std::filesystem::remove(ledger.anchors());
        ledger.open();
    }
    const Hold hold = ledger.reserve({{1}, key.id}, kCent);
    must(ledger.billing().expire_key(key.id, now));
    CHECK(use(ledger.billing(), key.text, now).error().code == Errc::key_unknown);
    CHECK(ledger.billing().keys()[0].terms.name == "ci");
    CHECK(ledger.billing().expire_key({9}, now).error().code == Errc::key_unknown);
    must(ledger.billing().disable_key(plain.id));
    CHECK(use(ledger.billing(), plain.text, now).error().code == Errc::key_unknown);
    must(ledger.billing().enable_key(plain.id));
    CHECK(use(ledger.billing(), plain.text, now));
    CHECK(ledger.billing().enable_key({9}).error().code == Errc::key_unknown);
    ledger.open();
    CHECK(use(ledger.billing(), plain.text, now));
    CHECK(use(ledger.billing(), key.text, now).error().code == Errc::key_unknown);
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
    const RequestView view = must(find_request(ledger.path(), hold.request));
    CHECK(view.key_label == "ci");
    CHECK(view.labels == "env=prod");
}

TEST_CASE("keys: a new secret beside the old one until the overlap ends", "[billing]") {
    LedgerFixture ledger;
    ledger.anchor_interval = std::chrono::milliseconds{0};
    ledger.open();
    must(ledger.billing().create_account("alice"));
    must(ledger.billing().add_credit("alice", kUsd));
    const NewKey first = must(ledger.billing().create_key("alice", {}));
    const Hold before = ledger.reserve({{1}, first.id}, kCent);
    const NewKey second = must(ledger.billing().rotate_key(first.id, std::chrono::hours{1}));
    const Hold after = ledger.reserve({{1}, first.id}, kCent);
    CHECK(second.id == first.id);
    CHECK(second.text != first.text);
    const UnixMillis until = *ledger.billing().keys()[0].others_until;
    for (int round = 0; round < 3; ++round) {
        Billing& billing = ledger.billing();
        CHECK(must(use(billing, first.text, {until.ms - 1})).key == first.id);
        CHECK(use(billing, first.text, until).error().code == Errc::key_unknown);
        CHECK(must(use(billing, second.text, {until.ms + 1})).key == first.id);
        CHECK(billing.keys()[0].last4 == second.text.substr(second.text.size() - 4));
        ledger.close();
        if (round == 1) std::filesystem::remove(ledger.anchors());
        ledger.open();
    }
    // None at once, and an older one not longer by it.
    const NewKey third = must(ledger.billing().rotate_key(first.id, {}));
    for (const NewKey& old : {first, second})
        CHECK(use(ledger.billing(), old.text, {until.ms - 1}).error().code == Errc::key_unknown);
    CHECK(use(ledger.billing(), third.text, until));
    CHECK(ledger.billing().rotate_key({9}, {}).error().code == Errc::key_unknown);
    CHECK(ledger.billing().rotate_key(first.id, std::chrono::milliseconds{-1}).error().code ==
          Errc::text_invalid);
    ledger.close();
    CHECK(must(verify(ledger.path())).first_bad == "");
    const auto last4 = [](const NewKey& key) { return key.text.substr(key.text.size() - 4); };
    CHECK(must(find_request(ledger.path(), before.request)).key_last4 == last4(first));
    CHECK(must(find_request(ledger.path(), after.request)).key_last4 == last4(second));
}
