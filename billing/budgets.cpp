#include "billing/budgets.h"

#include <date/date.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace billing {
namespace {

constexpr std::string_view kScopes[] = {"account", "key", "model"};
constexpr std::string_view kPeriods[] = {"day", "month", "lifetime"};

// When the clocks of the zone first show a day, or one behind it, in milliseconds: days neither
// overlap nor leave a gap, also where midnight is left out or comes twice.
UnixMillis day_begin(const config::TimeZone& zone, int day) {
    constexpr int64_t kDayMillis = 86'400'000;
    int64_t before = (int64_t{day} - 2) * kDayMillis;  // no zone is two days off
    int64_t at = (int64_t{day} + 2) * kDayMillis;
    while (at - before > 1) {
        const int64_t middle = before + (at - before) / 2;
        (zone.at({middle}).day >= day ? at : before) = middle;
    }
    return {at};
}

int day_of_month(int64_t month) {
    const date::year_month first{date::year(static_cast<int>(month / 12)),
                                 date::month(static_cast<unsigned>(month % 12) + 1)};
    return date::sys_days(first / 1).time_since_epoch().count();
}

int64_t month_of_day(int day) {
    const date::year_month_day local{date::sys_days(date::days(day))};
    return int64_t{static_cast<int>(local.year())} * 12 + static_cast<unsigned>(local.month()) - 1;
}

bool contains(const PeriodSpan& span, UnixMillis at) {
    return span.begin <= at && at < span.end;
}

void roll(Budget& budget, UnixMillis at) {
    if (contains(budget.span, at)) return;
    budget.use = budget.use_at(at);
    budget.span = budget.span_at(at);
}

// spent of the limit, in percent, has reached the threshold.
bool reaches(NanoUsd spent, NanoUsd limit, int percent) {
    return static_cast<__int128>(spent.n) * 100 >= static_cast<__int128>(limit.n) * percent;
}

}  // namespace

std::string_view to_string(BudgetScope scope) {
    return kScopes[static_cast<size_t>(scope)];
}

std::string_view to_string(BudgetPeriod period) {
    return kPeriods[static_cast<size_t>(period)];
}

std::optional<BudgetPeriod> parse_budget_period(std::string_view word) {
    const auto at = std::ranges::find(kPeriods, word);
    if (at == std::end(kPeriods)) return std::nullopt;
    return static_cast<BudgetPeriod>(at - std::begin(kPeriods));
}

std::optional<std::vector<int>> parse_alerts(std::string_view text) {
    constexpr size_t kAlertsMax = 10;
    std::vector<int> percents;
    while (!text.empty()) {
        int percent = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
        if (error != std::errc() || text[0] == '-' || text[0] == '0' || percent > 100 ||
            percents.size() == kAlertsMax || (!percents.empty() && percent <= percents.back()))
            return std::nullopt;
        percents.push_back(percent);
        text.remove_prefix(static_cast<size_t>(end - text.data()));
        if (text.empty()) break;
        if (text[0] != ',' || text.size() == 1) return std::nullopt;
        text.remove_prefix(1);
    }
    return percents;
}

PeriodSpan period_of(BudgetPeriod period, const config::TimeZone& zone, int64_t number) {
    switch (period) {
        case BudgetPeriod::day: {
            const int day = static_cast<int>(number);
            return {number, day_begin(zone, day), day_begin(zone, day + 1)};
        }
        case BudgetPeriod::month:
            return {number, day_begin(zone, day_of_month(number)),
                    day_begin(zone, day_of_month(number + 1))};
        case BudgetPeriod::lifetime:
            break;
    }
    return {0, {0}, {std::numeric_limits<int64_t>::max()}};
}

PeriodSpan period_at(BudgetPeriod period, const config::TimeZone& zone, UnixMillis at) {
    const int day = zone.at(at).day;
    const int64_t number = period == BudgetPeriod::day     ? day
                           : period == BudgetPeriod::month ? month_of_day(day)
                                                           : 0;
    const PeriodSpan span = period_of(period, zone, number);
    // Where clocks are set back over midnight the calendar shows a day again that has ended.
    if (at < span.begin) return period_of(period, zone, number - 1);
    return at < span.end ? span : period_of(period, zone, number + 1);
}

PeriodSpan Budget::span_at(UnixMillis at) const {
    return contains(span, at) ? span : period_at(row.period, zone, at);
}

BudgetUse Budget::use_at(UnixMillis at) const {
    const PeriodSpan now = span_at(at);
    return now.number == use.period ? use : BudgetUse{now.number, {}, {}};
}

bool Budgets::define(const BudgetRow& row) {
    const auto zone = config::TimeZone::find(row.zone);
    const bool is_sound = zone && parse_alerts(row.alerts) && row.limit >= NanoUsd{0} &&
                          row.scope <= BudgetScope::model && row.period <= BudgetPeriod::lifetime;
    if (!is_sound) return false;
    std::vector<Budget>& there = budgets_[{row.scope, row.subject}];
    const auto at =
        std::ranges::find(there, row.period, [](const Budget& b) { return b.row.period; });
    if (at == there.end()) {
        if (find(row.number) != nullptr) return false;
        there.push_back({row, *zone, {}, {}});
        return true;
    }
    if (at->row.number != row.number || at->row.zone != row.zone ||
        at->row.from_request != row.from_request)
        return false;
    at->row = row;
    return true;
}

void Budgets::remove(int64_t number) {
    for (auto at = budgets_.begin(); at != budgets_.end();) {
        std::erase_if(at->second, [&](const Budget& b) { return b.row.number == number; });
        at = at->second.empty() ? budgets_.erase(at) : std::next(at);
    }
}

const Budget* Budgets::find(BudgetScope scope, int64_t subject, BudgetPeriod period) const {
    const auto there = budgets_.find({scope, subject});
    if (there == budgets_.end()) return nullptr;
    for (const Budget& budget : there->second) {
        if (budget.row.period == period) return &budget;
    }
    return nullptr;
}

const Budget* Budgets::find(int64_t number) const {
    for (const auto& [place, there] : budgets_) {
        for (const Budget& budget : there) {
            if (budget.row.number == number) return &budget;
        }
    }
    return nullptr;
}

std::vector<const Budget*> Budgets::list() const {
    std::vector<const Budget*> all;
    for (const auto& [place, there] : budgets_) {
        for (const Budget& budget : there) all.push_back(&budget);
    }
    std::ranges::sort(all, {}, [](const Budget* budget) { return budget->row.number; });
    return all;
}

template <class Map, class F>
void Budgets::each(Map& budgets, const AccountTree& tree, const Spender& spender, F&& visit) {
    if (budgets.empty()) return;
    const auto at_place = [&](BudgetScope scope, int64_t subject) {
        const auto there = budgets.find({scope, subject});
        if (there == budgets.end()) return;
        for (auto& budget : there->second) {
            if (spender.request >= budget.row.from_request) visit(budget);
        }
    };
    for (const int64_t account : tree.chain(spender.account))
        at_place(BudgetScope::account, account);
    at_place(BudgetScope::key, spender.key);
    if (spender.route != 0) at_place(BudgetScope::model, spender.route);
}

std::vector<const Budget*> Budgets::of(const AccountTree& tree, const Spender& spender) const {
    std::vector<const Budget*> found;
    each(budgets_, tree, spender, [&](const Budget& budget) { found.push_back(&budget); });
    return found;
}

const Budget* Budgets::first_exceeded(const AccountTree& tree, const Spender& spender,
                                      NanoUsd amount) {
    const Budget* exceeded = nullptr;
    each(budgets_, tree, spender, [&](Budget& budget) {
        const BudgetUse use = budget.use_at(spender.at);
        // Not as one sum: a limit may be near what 64 bits hold.
        const NanoUsd left = budget.row.limit - use.spent - use.reserved;
        if (exceeded == nullptr && left < amount) exceeded = &budget;
    });
    return exceeded;
}

std::vector<int64_t> Budgets::hold(const AccountTree& tree, const Spender& spender,
                                   NanoUsd amount) {
    std::vector<int64_t> touched;
    each(budgets_, tree, spender, [&](Budget& budget) {
        roll(budget, spender.at);
        budget.use.reserved += amount;
        touched.push_back(budget.row.number);
    });
    return touched;
}

std::vector<int64_t> Budgets::end(const AccountTree& tree, const Spender& spender, NanoUsd held,
                                  NanoUsd spent, std::vector<BudgetAlert>* alerts) {
    std::vector<int64_t> touched;
    each(budgets_, tree, spender, [&](Budget& budget) {
        if (!contains(budget.span, spender.at)) return;  // its period is over
        const NanoUsd before = budget.use.spent;
        budget.use.reserved -= held;
        budget.use.spent += spent;
        touched.push_back(budget.row.number);
        if (alerts == nullptr || budget.row.alerts.empty()) return;
        const auto percents = parse_alerts(budget.row.alerts);
        for (const int percent : *percents) {
            if (!reaches(before, budget.row.limit, percent) &&
                reaches(budget.use.spent, budget.row.limit, percent))
                alerts->push_back({budget, percent});
        }
    });
    return touched;
}

bool Budgets::load_use(int64_t number, const BudgetUse& use) {
    for (auto& [place, there] : budgets_) {
        for (Budget& budget : there) {
            if (budget.row.number != number) continue;
            budget.use = use;
            budget.span = period_of(budget.row.period, budget.zone, use.period);
            return true;
        }
    }
    return false;
}

}  // namespace billing
