// The members of LedgerBilling that set and show budgets.
#include <charconv>

#include "billing/ledger_billing.h"
#include "billing/wall_clock.h"

namespace billing {
namespace {

const char* word_for(BudgetPeriod period) {
    switch (period) {
        case BudgetPeriod::day:
            return "daily";
        case BudgetPeriod::month:
            return "monthly";
        case BudgetPeriod::lifetime:
            return "lifetime";
    }
    return "";
}

}  // namespace

std::string describe(const BudgetView& budget) {
    return std::string(word_for(budget.period)) + " budget of " +
           std::string(to_string(budget.scope)) + " " + budget.subject + " (" +
           config::to_string(budget.limit) + " USD)";
}

BudgetView LedgerBilling::view_of(const Budget& budget, UnixMillis at) const {
    const BudgetRow& row = budget.row;
    BudgetView view;
    view.scope = row.scope;
    view.subject = row.scope == BudgetScope::account ? desk_.book.tree().path(row.subject)
                   : row.scope == BudgetScope::key   ? std::to_string(row.subject)
                                                     : desk_.book.name(row.subject);
    view.period = row.period;
    view.zone = row.zone;
    view.alerts = row.alerts;
    view.limit = row.limit;
    const BudgetUse use = budget.use_at(at);
    view.spent = use.spent;
    view.reserved = use.reserved;
    if (row.period != BudgetPeriod::lifetime) view.resets_at = budget.span_at(at).end;
    return view;
}

Error LedgerBilling::budget_error(const Budget& budget, NanoUsd amount, UnixMillis at) const {
    const BudgetView view = view_of(budget, at);
    Error error{Errc::budget_exceeded, describe(view) + ": spent " + config::to_string(view.spent) +
                                           ", held " + config::to_string(view.reserved) +
                                           ", needed " + config::to_string(amount)};
    error.told = describe(view) +
                 (view.resets_at ? ", which begins anew at " + config::to_rfc3339(*view.resets_at)
                                 : ", which never begins anew");
    return error;
}

Result<int64_t> LedgerBilling::subject_of(BudgetScope scope, const std::string& subject) const {
    switch (scope) {
        case BudgetScope::account: {
            const auto account = desk_.book.find_account(subject);
            if (!account) return tl::unexpected(account.error());
            return account->n;
        }
        case BudgetScope::key: {
            int64_t key = 0;
            const char* const end = subject.data() + subject.size();
            const auto parsed = std::from_chars(subject.data(), end, key);
            if (parsed.ec != std::errc() || parsed.ptr != end ||
                desk_.book.tree().account_of_key(key) == 0)
                return refused(Errc::key_unknown, subject);
            return key;
        }
        case BudgetScope::model:
            break;
    }
    return desk_.book.find_name(subject);
}

// A budget that is there goes on.
Result<BudgetRow> LedgerBilling::row_of(const BudgetAsk& ask) {
    if (!config::TimeZone::find(ask.zone)) return refused(Errc::time_zone_unknown, ask.zone);
    if (ask.limit < NanoUsd{0}) return refused(Errc::budget_invalid, "a limit is 0 or more");
    if (!parse_alerts(ask.alerts)) {
        return refused(Errc::budget_invalid,
                       "alerts are percentages from 1 to 100, ascending, at most ten: 50,80,100");
    }
    auto subject = subject_of(ask.scope, ask.subject);
    if (!subject) return tl::unexpected(subject.error());
    if (*subject == 0) {
        constexpr size_t kRouteBytesMax = 128;
        if (ask.subject.empty() || ask.subject.size() > kRouteBytesMax)
            return refused(Errc::budget_invalid, "a model is the name of a route");
        subject = name_id(ask.subject, desk_.book.advance(wall_clock()));
    }
    BudgetRow row{0,          ask.scope, *subject,
                  ask.period, ask.zone,  ask.limit,
                  ask.alerts, false,     desk_.book.last_request().n + 1};
    const Budget* there = desk_.book.budgets().find(ask.scope, *subject, ask.period);
    if (there != nullptr && there->row.zone != ask.zone) {
        return refused(Errc::budget_invalid, "it goes by the calendar of " + there->row.zone +
                                                 ": remove it first to begin in another zone");
    }
    if (there != nullptr) {
        row.number = there->row.number;
        row.from_request = there->row.from_request;
    }
    return row;
}

Result<void> LedgerBilling::set_budget(const BudgetAsk& ask) {
    const std::lock_guard one_at_a_time(admin_mutex_);
    std::optional<BudgetRow> before, set;
    auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        auto row = row_of(ask);
        if (!row) return tl::unexpected(row.error());
        const int64_t id = desk_.book.next_row(Kind::budget);
        if (row->number == 0) row->number = id;
        Budgets& budgets = desk_.book.budgets();
        if (const Budget* there = budgets.find(row->scope, row->subject, row->period))
            before = there->row;
        // At once, for what is queued behind the entry is judged by it.
        if (!budgets.define(*row)) return refused(Errc::budget_invalid, "no such budget can be");
        set = *row;
        Entry entry(Kind::budget, desk_.book.advance(wall_clock()));
        entry.set(Column::subject, id);
        desk_.put({entry, std::make_unique<const Definition>(std::move(*row)), &waiter});
        return {};
    });
    if (!written && set) {
        const std::lock_guard lock(desk_.mutex);
        if (before)
            desk_.book.budgets().define(*before);
        else
            desk_.book.budgets().remove(set->number);
    }
    return written;
}

// It counts until its entry is on disk.
Result<void> LedgerBilling::remove_budget(BudgetScope scope, const std::string& subject,
                                          BudgetPeriod period) {
    const std::lock_guard one_at_a_time(admin_mutex_);
    int64_t number = 0;
    auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        const auto id = subject_of(scope, subject);
        if (!id) return tl::unexpected(id.error());
        const Budget* there = desk_.book.budgets().find(scope, *id, period);
        if (there == nullptr) return refused(Errc::budget_unknown, {});
        BudgetRow row = there->row;
        row.is_removed = true;
        number = row.number;
        Entry entry(Kind::budget, desk_.book.advance(wall_clock()));
        entry.set(Column::subject, desk_.book.next_row(Kind::budget));
        desk_.put({entry, std::make_unique<const Definition>(std::move(row)), &waiter});
        return {};
    });
    if (!written) return written;
    const std::lock_guard lock(desk_.mutex);
    desk_.book.budgets().remove(number);
    return {};
}

std::vector<BudgetView> LedgerBilling::budgets(UnixMillis now) const {
    const std::lock_guard lock(desk_.mutex);
    const UnixMillis at = std::max(now, desk_.book.last_at());
    std::vector<BudgetView> views;
    for (const Budget* budget : desk_.book.budgets().list()) views.push_back(view_of(*budget, at));
    return views;
}

UsageView LedgerBilling::usage(const Caller& caller, UnixMillis now) const {
    const std::lock_guard lock(desk_.mutex);
    const Book& book = desk_.book;
    const UnixMillis at = std::max(now, book.last_at());
    const Spender spender{book.last_request().n + 1, caller.account.n, caller.key.n, 0, at};
    UsageView view{book.account_name(caller.account),
                   view_of(AccountId{book.tree().payer(caller.account.n)}),
                   {}};
    for (const Budget* budget : book.budgets().of(book.tree(), spender))
        view.budgets.push_back(view_of(*budget, at));
    return view;
}

}  // namespace billing
