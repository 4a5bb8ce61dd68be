#include "billing/anchor.h"

#include <catch2/catch.hpp>
#include <random>

using namespace billing;

namespace {

Anchor random_anchor(std::mt19937_64& random) {
    const auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
    Anchor anchor;
    anchor.is_full = below(2) == 0;
    Standing& s = anchor.standing;
    s.head.seq = 1 + below(INT64_MAX);
    for (unsigned char& byte : s.head.hash) byte = static_cast<unsigned char>(random());
    s.at = {below(INT64_MAX)};
    s.last_request = {below(INT64_MAX)};
    s.oldest_open = {below(2) * (s.last_request.n / 2)};
    for (int64_t id = 1 + below(3); id < 1'000; id += 1 + below(400)) {
        const int64_t funds = below(INT64_MAX);
        const int64_t reserved = funds == 0 ? 0 : below(static_cast<uint64_t>(funds));
        s.accounts[id] = {{funds}, {reserved}, {(funds - reserved) / (1 + below(3))}};
    }
    for (int64_t id = 1 + below(3); id < 1'000; id += 1 + below(400))
        s.keys[id] = {{below(INT64_MAX)}, below(2) == 0};
    for (int64_t id = 1 + below(900); id < 1'000; id += 1 + below(400)) {
        s.budgets[id] = BudgetUse{below(30'000), {below(INT64_MAX)}, {below(INT64_MAX)}};
        if (!anchor.is_full && below(3) == 0) s.budgets[id] = std::nullopt;
    }
    return anchor;
}

constexpr const char* kHash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

std::string line(const std::string& numbers, const std::string& rest) {
    return "weir-anchor 1 full entry " + numbers + " head " + kHash + rest;
}

}  // namespace

TEST_CASE("anchor: what is written is read", "[billing]") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 500; ++i) {
        const Anchor anchor = random_anchor(random);
        const std::string text = format(anchor);
        INFO(text);
        const auto read = parse_anchor(text);
        REQUIRE(read);
        CHECK(format(*read) == text);
        CHECK(read->is_full == anchor.is_full);
        CHECK(read->standing.head == anchor.standing.head);
        CHECK(read->standing.accounts == anchor.standing.accounts);
        CHECK(read->standing.keys == anchor.standing.keys);
        CHECK(read->standing.budgets == anchor.standing.budgets);
    }
}

TEST_CASE("anchor: the text is the one that the header shows", "[billing]") {
    const std::string text = line("12",
                                  " at 1790812800000 request 5 open 3 accounts 1:1000:20:30 2:0:0:0"
                                  " keys 1:1790812800000:on 4:7:off budgets 4:20727:30:200 6:off");
    const auto anchor = parse_anchor(text);
    REQUIRE(anchor);
    CHECK(anchor->standing.accounts.at(1) == Balance{{1000}, {20}, {30}});
    CHECK(anchor->standing.oldest_open == RequestId{3});
    CHECK(!anchor->standing.keys.at(4).enabled);
    CHECK(anchor->standing.head.hash[1] == 0x11);
    CHECK(anchor->standing.budgets.at(4) == BudgetUse{20'727, {30}, {200}});
    CHECK(!anchor->standing.budgets.at(6));
}

TEST_CASE("anchor: any other text is none", "[billing]") {
    const std::string scalars = " at 1 request 5 open 3";
    CHECK(parse_anchor(line("12", scalars + " accounts keys")));
    for (const std::string& text : {
             std::string(),
             std::string("weir-anchor 2 full"),
             line("0", scalars + " accounts keys"),
             line("012", scalars + " accounts keys"),
             line("+12", scalars + " accounts keys"),
             line("-12", scalars + " accounts keys"),
             line("9223372036854775808", scalars + " accounts keys"),
             line("12", " at 1 request 5 open 6 accounts keys"),
             line("12", " at 1 request 5  open 3 accounts keys"),
             line("12", scalars + " accounts"),
             line("12", scalars + " accounts keys "),
             line("12", scalars + " accounts keys\n"),
             line("12", scalars + " accounts 1:-10:5:6 keys"),
             line("12", scalars + " accounts 1:10:-1:6 keys"),
             line("12", scalars + " accounts 1:10:9223372036854775807:9223372036854775807 keys"),
             line("12", scalars + " accounts 1:10:5 keys"),
             line("12", scalars + " accounts 0:10:5:5 keys"),
             line("12", scalars + " accounts 2:1:0:0 1:1:0:0 keys"),
             line("12", scalars + " accounts 1:1:0:0 1:1:0:0 keys"),
             line("12", scalars + " accounts keys 1:5"),
             line("12", scalars + " accounts keys 1:5:maybe"),
             line("12", scalars + " accounts keys 1:5:on 1:5:on"),
             line("12", scalars + " accounts keys budgets"),
             line("12", scalars + " accounts keys budgets 1"),
             line("12", scalars + " accounts keys budgets 1:5:6"),
             line("12", scalars + " accounts keys budgets 1:5:-6:7"),
             line("12", scalars + " accounts keys budgets 1:off 1:off"),
             line("12", scalars + " accounts keys budgets 1:on"),
             "weir-anchor 1 full entry 12 head " + std::string(64, 'A') + scalars +
                 " accounts keys",
             "weir-anchor 1 full entry 12 head " + std::string(62, 'a') + scalars +
                 " accounts keys",
         }) {
        INFO(text);
        CHECK(!parse_anchor(text));
    }
}

TEST_CASE("anchor: one that says what changed adds to those before it", "[billing]") {
    Standing standing;
    standing.accounts = {{1, {{5}, {1}, {2}}}, {2, {{6}, {0}, {0}}}};
    standing.keys = {{1, {{7}, true}}};
    Anchor more{false, {}};
    more.standing.head.seq = 9;
    more.standing.accounts = {{2, {{6}, {0}, {3}}}, {3, {}}};
    more.standing.keys = {{1, {{7}, false}}};
    advance(standing, more);
    CHECK(standing.head.seq == 9);
    CHECK(standing.accounts.size() == 3);
    CHECK(standing.accounts.at(1).spent == NanoUsd{2});
    CHECK(standing.accounts.at(2).spent == NanoUsd{3});
    CHECK(!standing.keys.at(1).enabled);
    more.is_full = true;
    advance(standing, more);
    CHECK(standing.accounts == more.standing.accounts);
}
