#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

// What the ledger must agree with: three numbers an account and a list of open holds.
struct Model {
    struct Account {
        NanoUsd funds, reserved, spent;
    };
    std::map<std::string, Account> accounts;
    struct Open {
        Hold hold;
        std::string account;
    };
    std::vector<Open> open;

    void crash() {
        for (const Open& each : open) accounts[each.account].reserved -= each.hold.amount;
        open.clear();
    }
};

class History {
public:
    explicit History(uint64_t seed) : random_(seed) {}

    void run(int n_steps) {
        ledger_.anchor_interval = std::chrono::milliseconds{0};
        ledger_.open();
        for (int step = 0; step < n_steps; ++step) {
            INFO("step " << step);
            take_step();
            check();
        }
        ledger_.close();
        const Verification verification = must(verify(ledger_.path()));
        CHECK(verification.first_bad == "");
        CHECK(verification.n_anchors > 0);
        CHECK(verification.n_open_holds == static_cast<int64_t>(model_.open.size()));
    }

private:
    int64_t below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

    const std::string& any_account() {
        return names_[static_cast<size_t>(below(std::ssize(names_)))];
    }

    void take_step() {
        const int64_t what = below(100);
        if (names_.empty() || what < 3) return add_account();
        if (what < 10) return add_credit();
        if (what < 55) return reserve();
        if (what < 97) return end();
        reopen();
        model_.crash();
    }

    // From any beginning of the file of anchors, a half line at its end included, a start comes to
    // the same books.
    void reopen() {
        ledger_.close();
        if (std::filesystem::exists(ledger_.anchors())) {
            const auto size = static_cast<int64_t>(std::filesystem::file_size(ledger_.anchors()));
            std::filesystem::resize_file(ledger_.anchors(),
                                         static_cast<uintmax_t>(below(size + 1)));
        }
        ledger_.open();
    }

    void add_account() {
        const std::string name = "account" + std::to_string(names_.size());
        callers_.emplace(name, ledger_.make_caller(name, NanoUsd{0}));
        model_.accounts[name] = {};
        names_.push_back(name);
    }

    void add_credit() {
        const std::string& name = any_account();
        const NanoUsd amount{1 + below(5'000)};
        must(ledger_.billing().add_credit(name, amount));
        model_.accounts[name].funds += amount;
    }

    void reserve() {
        const std::string& name = any_account();
        Model::Account& account = model_.accounts[name];
        const NanoUsd amount{below(1'500)};
        now_.ms += below(5'000) - 500;
        Waiter waiter;
        const auto hold =
            ledger_.billing().reserve({callers_.at(name), "route-a", amount, now_}, waiter);
        const bool has_funds = account.funds - account.reserved - account.spent >= amount;
        REQUIRE(hold.has_value() == has_funds);
        if (!hold) return;
        CHECK(waiter.wait());
        account.reserved += amount;
        model_.open.push_back({*hold, name});
    }

    void end() {
        if (model_.open.empty()) return;
        const auto at = model_.open.begin() + below(std::ssize(model_.open));
        const Model::Open open = *at;
        model_.open.erase(at);
        Model::Account& account = model_.accounts[open.account];
        account.reserved -= open.hold.amount;
        if (below(4) == 0) {
            ledger_.billing().release(open.hold, Outcome::upstream_error, now_, nullptr);
            return;
        }
        const TokenCounts tokens{below(400), below(400), below(10), below(200), below(200)};
        const int64_t full = tokens.input_uncached + tokens.cache_read + tokens.cache_write +
                             2 * (tokens.output_answer + tokens.output_reasoning);
        const NanoUsd expected{std::min(full, open.hold.amount.n)};
        CHECK(ledger_.settle(open.hold, tokens, now_) == expected);
        account.spent += expected;
    }

    void check() {
        for (const auto& [name, account] : model_.accounts) {
            const Balance balance = must(ledger_.billing().balance(name));
            REQUIRE(balance.funds == account.funds);
            REQUIRE(balance.reserved == account.reserved);
            REQUIRE(balance.spent == account.spent);
            REQUIRE(balance.spent + balance.reserved <= balance.funds);
        }
    }

    std::mt19937_64 random_;
    LedgerFixture ledger_;
    Model model_;
    std::vector<std::string> names_;
    std::map<std::string, Caller> callers_;
    UnixMillis now_ = kStart;
};

}  // namespace

TEST_CASE("billing: random histories agree with a model, at every step and after restarts",
          "[billing]") {
    for (uint64_t seed = 1; seed <= 6; ++seed) {
        INFO("seed " << seed);
        History(seed).run(250);
    }
}

TEST_CASE("billing: long random histories agree with a model", "[billing][.slow]") {
    for (uint64_t seed = 100; seed < 110; ++seed) {
        INFO("seed " << seed);
        History(seed).run(1'000);
    }
}
