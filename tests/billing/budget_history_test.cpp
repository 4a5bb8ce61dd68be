// Random work of a tree of accounts under random budgets, against a model that sums requests.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "billing/wall_clock.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

constexpr int64_t kDay = 86'400'000;
const std::vector<std::string> kAccounts = {"a", "a/b", "a/b/c", "a/d", "e"};
const std::vector<std::string> kRoutes = {"route-a", "route-b"};

struct Request {
    Hold hold;
    size_t account, route;
    NanoUsd amount, spent;
    bool is_open = true;
};

struct Ceiling {
    BudgetAsk asked;
    size_t from;  // the first request that counts
};

class History {
public:
    explicit History(uint64_t seed) : random_(seed) {}

    void run(int n_steps) {
        ledger_.anchor_interval = std::chrono::milliseconds{0};
        Billing& billing = ledger_.open();
        for (const std::string& path : kAccounts) {
            const bool pays = path == "a" || path == "a/d" || path == "e";
            must(billing.create_account({path, pays ? Wallet::prepaid : Wallet::none, {}}));
            if (pays) must(billing.add_credit(path, NanoUsd{1'000'000}));
            const std::string key = must(billing.create_key(path));
            callers_.push_back(must(billing.authenticate(*billing.make_hasher(), key)));
        }
        for (int step = 0; step < n_steps; ++step) {
            INFO("step " << step);
            take_step();
            check();
        }
        ledger_.close();
        CHECK(must(verify(ledger_.path())).first_bad == "");
    }

private:
    int64_t below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
    size_t any(size_t n) { return static_cast<size_t>(below(static_cast<int64_t>(n))); }

    void take_step() {
        const int64_t what = below(100);
        if (what < 12) return set();
        if (what < 16) return remove();
        if (what < 60) return reserve();
        if (what < 95) return end();
        if (what < 97) {
            now_.ms += below(2 * kDay);
            return;
        }
        reopen();
    }

    void set() {
        BudgetAsk asked;
        asked.scope = static_cast<BudgetScope>(below(3));
        asked.period = static_cast<BudgetPeriod>(below(3));
        asked.subject = asked.scope == BudgetScope::account ? kAccounts[any(kAccounts.size())]
                        : asked.scope == BudgetScope::key   ? std::to_string(1 + below(5))
                                                            : kRoutes[any(kRoutes.size())];
        asked.limit = NanoUsd{below(4'000)};
        asked.zone = below(4) == 0 ? "Asia/Kolkata" : "UTC";
        const auto there = find(asked);
        const auto set = ledger_.billing().set_budget(asked);
        if (there == ceilings_.end()) {
            REQUIRE(set);
            ceilings_.push_back({asked, requests_.size()});
            return;
        }
        REQUIRE(set.has_value() == (there->asked.zone == asked.zone));
        if (set) there->asked = asked;
    }

    void remove() {
        if (ceilings_.empty()) return;
        const auto at = ceilings_.begin() + below(std::ssize(ceilings_));
        must(ledger_.billing().remove_budget(at->asked.scope, at->asked.subject, at->asked.period));
        ceilings_.erase(at);
    }

    std::vector<Ceiling>::iterator find(const BudgetAsk& asked) {
        return std::ranges::find_if(ceilings_, [&](const Ceiling& each) {
            return each.asked.scope == asked.scope && each.asked.subject == asked.subject &&
                   each.asked.period == asked.period;
        });
    }

    static bool counts(const BudgetAsk& asked, size_t account, size_t route) {
        if (asked.scope == BudgetScope::model) return kRoutes[route] == asked.subject;
        if (asked.scope == BudgetScope::key) return std::to_string(account + 1) == asked.subject;
        return (kAccounts[account] + "/").starts_with(asked.subject + "/");
    }

    std::pair<NanoUsd, NanoUsd> used(const Ceiling& ceiling) const {  // held, spent
        const auto zone = *config::TimeZone::find(ceiling.asked.zone);
        const PeriodSpan span = period_at(ceiling.asked.period, zone, now_);
        NanoUsd held, spent;
        for (size_t i = ceiling.from; i < requests_.size(); ++i) {
            const Request& each = requests_[i];
            if (!counts(ceiling.asked, each.account, each.route)) continue;
            if (each.hold.at < span.begin || each.hold.at >= span.end) continue;
            if (each.is_open) held += each.amount;
            spent += each.spent;
        }
        return {held, spent};
    }

    void reserve() {
        const size_t account = any(kAccounts.size());
        const size_t route = any(kRoutes.size());
        const NanoUsd amount{below(900)};
        now_.ms += below(kDay / 20);
        bool fits = true;
        for (const Ceiling& each : ceilings_) {
            if (!counts(each.asked, account, route)) continue;
            const auto [held, spent] = used(each);
            fits = fits && held + spent + amount <= each.asked.limit;
        }
        Waiter waiter;
        const auto hold =
            ledger_.billing().reserve({callers_[account], kRoutes[route], amount, now_}, waiter);
        REQUIRE(hold.has_value() == fits);
        if (!hold) {
            CHECK(hold.error().code == Errc::budget_exceeded);
            return;
        }
        CHECK(waiter.wait());
        requests_.push_back({*hold, account, route, amount, {}});
    }

    void end() {
        std::vector<Request*> open;
        for (Request& each : requests_) {
            if (each.is_open) open.push_back(&each);
        }
        if (open.empty()) return;
        Request& request = *open[any(open.size())];
        request.is_open = false;
        if (below(4) == 0) {
            ledger_.billing().release(request.hold, Outcome::cut, now_, nullptr);
            return;
        }
        request.spent = ledger_.settle(request.hold, {below(900), 0, 0, 0, 0}, now_);
    }

    // As behind a crash: what was open is released.
    void reopen() {
        ledger_.close();
        if (std::filesystem::exists(ledger_.anchors())) {
            const auto size = static_cast<int64_t>(std::filesystem::file_size(ledger_.anchors()));
            std::filesystem::resize_file(ledger_.anchors(),
                                         static_cast<uintmax_t>(below(size + 1)));
        }
        CHECK(must(verify(ledger_.path())).first_bad == "");
        ledger_.open();
        for (Request& each : requests_) each.is_open = false;
    }

    void check() {
        const auto views = ledger_.billing().budgets(now_);
        REQUIRE(views.size() == ceilings_.size());
        for (const BudgetView& view : views) {
            const auto at = find({view.scope, view.subject, view.period});
            REQUIRE(at != ceilings_.end());
            const auto [held, spent] = used(*at);
            REQUIRE(view.reserved == held);
            REQUIRE(view.spent == spent);
            REQUIRE(view.limit == at->asked.limit);
        }
    }

    std::mt19937_64 random_;
    LedgerFixture ledger_;
    std::vector<Caller> callers_;
    std::vector<Request> requests_;
    std::vector<Ceiling> ceilings_;
    // Ahead of the wall clock, which dates what administration does.
    UnixMillis now_{(wall_clock().ms / kDay + 2) * kDay};
};

}  // namespace

TEST_CASE("budgets: random histories agree with a model, at every step and after restarts",
          "[billing]") {
    for (uint64_t seed = 1; seed <= 6; ++seed) {
        INFO("seed " << seed);
        History(seed).run(250);
    }
}
