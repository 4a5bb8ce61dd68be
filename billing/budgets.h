#pragma once
// Ceilings on what may be held and spent in a day, a month or for good, by an account with all
// below it, by a key or for a model. A budget counts the requests that are reserved after it was
// made, each in the period of its RESERVE; refunds give nothing back to it. Plain memory that is
// copied freely: part of Book, of what anchors are made of and of what verify() recomputes.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "billing/account_tree.h"
#include "config/local_time.h"

namespace billing {

// Stored: never renumber.
enum class BudgetScope : uint8_t { account = 0, key = 1, model = 2 };
enum class BudgetPeriod : uint8_t { day = 0, month = 1, lifetime = 2 };
std::string_view to_string(BudgetScope scope);
std::string_view to_string(BudgetPeriod period);
std::optional<BudgetPeriod> parse_budget_period(std::string_view word);

// As it was set, whole: of those with one number the last holds.
struct BudgetRow {
    int64_t number = 0;  // of the row that made it
    BudgetScope scope = BudgetScope::account;
    int64_t subject = 0;  // the account, the key, or the route's row of table names
    BudgetPeriod period = BudgetPeriod::day;
    std::string zone;  // whose calendar the period goes by
    NanoUsd limit;
    std::string alerts;  // "50,80,100": percent of the limit, ascending
    bool is_removed = false;
    int64_t from_request = 0;  // the first that counts
};

// Percentages from 1 to 100, ascending, at most ten. Anything else: nothing.
std::optional<std::vector<int>> parse_alerts(std::string_view text);

// Periods of one kind in one zone are numbered as time goes.
struct PeriodSpan {
    int64_t number = 0;
    UnixMillis begin, end;  // half open
};
PeriodSpan period_at(BudgetPeriod period, const config::TimeZone& zone, UnixMillis at);
PeriodSpan period_of(BudgetPeriod period, const config::TimeZone& zone, int64_t number);

// What counts in the current period.
struct BudgetUse {
    int64_t period = 0;
    NanoUsd reserved, spent;
    friend bool operator==(const BudgetUse&, const BudgetUse&) = default;
};

struct Budget {
    BudgetRow row;
    config::TimeZone zone;
    PeriodSpan span;
    BudgetUse use;
    // As at `at`, when another period may have begun.
    BudgetUse use_at(UnixMillis at) const;
    PeriodSpan span_at(UnixMillis at) const;
};

// What a request was reserved as.
struct Spender {
    int64_t request = 0;
    int64_t account = 0, key = 0;  // the key, and the account that it is of
    int64_t route = 0;             // of table names
    UnixMillis at;
};

struct BudgetAlert {
    Budget budget;
    int percent = 0;
};

class Budgets {
public:
    // A new one, or another limit and alerts. False: a zone that is none here, alerts or a limit
    // that cannot be, a place or a number that is another budget's.
    bool define(const BudgetRow& row);
    void remove(int64_t number);
    const Budget* find(BudgetScope scope, int64_t subject, BudgetPeriod period) const;
    const Budget* find(int64_t number) const;
    std::vector<const Budget*> list() const;  // by number
    std::vector<const Budget*> of(const AccountTree& tree, const Spender& spender) const;
    bool empty() const { return budgets_.empty(); }

    // The first that would be exceeded; null: it fits into all.
    const Budget* first_exceeded(const AccountTree& tree, const Spender& spender, NanoUsd amount);
    // Numbers of the budgets that this touched.
    std::vector<int64_t> hold(const AccountTree& tree, const Spender& spender, NanoUsd amount);
    // The hold ends and `spent` of it stays. Adds to `alerts` what it reached, if given.
    std::vector<int64_t> end(const AccountTree& tree, const Spender& spender, NanoUsd held,
                             NanoUsd spent, std::vector<BudgetAlert>* alerts = nullptr);

    // What an anchor says. False: no such budget.
    bool load_use(int64_t number, const BudgetUse& use);

private:
    using Place = std::pair<BudgetScope, int64_t>;
    template <class Map, class F>
    static void each(Map& budgets, const AccountTree& tree, const Spender& spender, F&& visit);

    std::map<Place, std::vector<Budget>> budgets_;
};

}  // namespace billing
