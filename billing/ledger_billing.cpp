#include "billing/ledger_billing.h"

#include <algorithm>

#include "billing/api_key.h"
#include "billing/cost.h"
#include "billing/key_hasher.h"
#include "billing/request_names.h"
#include "config/ensure.h"

namespace billing {
namespace {

// What was used is never below zero, whatever an upstream said.
TokenCounts without_negatives(TokenCounts tokens, uint32_t& flags) {
    for (int64_t* n : {&tokens.input_uncached, &tokens.cache_read, &tokens.cache_write,
                       &tokens.output_answer, &tokens.output_reasoning}) {
        if (*n >= 0) continue;
        *n = 0;
        flags |= flag_usage_clamped;
    }
    return tokens;
}

Entry ending(Kind kind, const Hold& hold, AccountId account, Outcome outcome, UnixMillis at) {
    Entry entry(kind, at);
    entry.set(Column::request, hold.request.n);
    entry.set(Column::account, account.n);
    entry.set(Column::outcome, static_cast<int64_t>(outcome));
    return entry;
}

Pending moot(CommitWaiter* waiter) {
    Pending pending;
    pending.waiter = waiter;
    pending.is_moot = true;
    return pending;
}

}  // namespace

std::unique_ptr<KeyHasher> LedgerBilling::make_hasher() const {
    return make_key_hasher(pepper_);
}

std::unique_ptr<RequestNames> LedgerBilling::make_request_names() const {
    return billing::make_request_names(pepper_);
}

Result<Authenticated> LedgerBilling::authenticate(KeyHasher& hasher, std::string_view key,
                                                  const Presence& presence) const {
    if (key.size() != kKeySize) return tl::unexpected(Error{Errc::key_unknown, {}});
    return keys_.find(hasher.digest(key), presence);
}

bool LedgerBilling::has_keys() const {
    return !keys_.empty();
}

Result<void> LedgerBilling::check_admits() const {
    if (!desk_.is_available) {
        return tl::unexpected(Error{Errc::ledger_unavailable, "the last commit failed"});
    }
    if (desk_.n_queued >= desk_.n_queued_max) {
        return tl::unexpected(Error{
            Errc::ledger_busy, std::to_string(desk_.n_queued) + " entries wait for their commit"});
    }
    return {};
}

int64_t LedgerBilling::name_id(std::string_view text, UnixMillis at) {
    const Book::Interned name = desk_.book.intern_name(text);
    if (name.is_new) {
        Entry definition(Kind::name, at);
        definition.set(Column::subject, name.id);
        desk_.put({definition, std::make_unique<const Definition>(NameRow{std::string(text)})});
    }
    return name.id;
}

int64_t LedgerBilling::price_id(const AppliedPrice& price, UnixMillis at) {
    const Book::Interned version = desk_.book.intern_price(price);
    if (version.is_new) {
        Entry definition(Kind::price, at);
        definition.set(Column::subject, version.id);
        desk_.put({definition, std::make_unique<const Definition>(to_row(sha256_, price))});
    }
    return version.id;
}

AttributionRow LedgerBilling::attribution_of(const Caller& caller) const {
    AttributionRow row;
    row.account = caller.account.n;
    row.key = caller.key.n;
    row.path = desk_.book.account_name(caller.account);
    if (const auto key = keys_.info(caller.key)) {
        row.last4 = key->last4;
        row.label = key->terms.name;
        row.labels = join(key->terms.labels);
    }
    return row;
}

int64_t LedgerBilling::attribution_id(const Caller& caller, UnixMillis at) {
    Attributions& attributions = desk_.book.attributions();
    if (const int64_t known = attributions.current(caller.key)) return known;
    AttributionRow row = attribution_of(caller);
    const Attributions::Interned interned = attributions.intern(row);
    if (interned.is_new) {
        Entry definition(Kind::attribution, at);
        definition.set(Column::subject, interned.id);
        desk_.put({definition, std::make_unique<const Definition>(std::move(row))});
    }
    return interned.id;
}

void LedgerBilling::set_name(Entry& entry, Column column, std::string_view text, UnixMillis at) {
    if (!text.empty()) entry.set(column, name_id(text, at));
}

void LedgerBilling::put_ending(Entry& ending, const Book::Ended& ended,
                               std::span<const AttemptRecord> attempts, CommitWaiter* waiter,
                               std::unique_ptr<const AnswerChange> answer) {
    std::unique_ptr<const Definition> definition;
    if (!attempts.empty()) {
        const UnixMillis at{ending.get(Column::at)};
        Attempts written;
        written.rows.reserve(attempts.size());
        for (const AttemptRecord& attempt : attempts) {
            AttemptRow& row = written.rows.emplace_back();
            row.request = ending.get(Column::request);
            row.n = static_cast<int64_t>(written.rows.size());
            row.endpoint = name_id(attempt.endpoint, at);
            row.model = name_id(attempt.model, at);
            row.price = price_id(*attempt.price, at);
            row.started = attempt.started;
            row.ended = attempt.ended;
            row.outcome = attempt.outcome;
            row.source = attempt.source;
            uint32_t unused_flags = flag_none;
            row.tokens = without_negatives(attempt.tokens, unused_flags);
            row.upstream_tokens = attempt.upstream_tokens;
            row.cost = attempt_cost(row, attempt.price->tariff);
            row.upstream_request = attempt.upstream_request;
        }
        ending.set(Column::subject, desk_.book.next_attempts(attempts.size()));
        definition = std::make_unique<const Definition>(std::move(written));
    }
    Pending pending{ending, std::move(definition), waiter};
    pending.drops_checkpoint = ended.has_checkpoint;
    pending.answer = std::move(answer);
    desk_.put(std::move(pending));
}

Result<Hold> LedgerBilling::reserve(const Reservation& reservation, CommitWaiter& waiter) {
    const std::lock_guard lock(desk_.mutex);
    if (auto ok = check_admits(); !ok) return tl::unexpected(ok.error());
    const UnixMillis at = desk_.book.advance(reservation.now);
    NanoUsd amount = reservation.amount;
    if (at != reservation.now && reservation.amount_at) {
        const auto later = reservation.amount_at(at);
        if (!later) return tl::unexpected(later.error());
        amount = *later;
    }
    // A route that no entry has named yet has no budget.
    const int64_t route = desk_.book.find_name(reservation.route);
    const Budget* exceeded = nullptr;
    const auto request = desk_.book.reserve(reservation.caller, amount, at, route, &exceeded);
    if (!request && exceeded != nullptr) return tl::unexpected(budget_error(*exceeded, amount, at));
    if (!request) return tl::unexpected(request.error());
    Entry entry(Kind::reserve, at);
    entry.set(Column::request, request->n);
    entry.set(Column::account, desk_.book.open_hold(*request)->payer.n);
    entry.set(Column::key, reservation.caller.key.n);
    entry.set(Column::amount, amount.n);
    entry.set(Column::subject, attribution_id(reservation.caller, at));
    set_name(entry, Column::route, reservation.route, at);
    Pending pending{entry, nullptr, &waiter};
    if (reservation.once) {
        pending.answer =
            std::make_unique<const AnswerChange>(AnswerChange{AnswerChange::What::claim,
                                                              *request,
                                                              reservation.caller.account,
                                                              at,
                                                              *reservation.once,
                                                              {}});
    }
    desk_.put(std::move(pending));
    return Hold{*request, reservation.caller, amount, at, reservation.once.has_value()};
}

NanoUsd LedgerBilling::settle(const Hold& hold, const Settlement& settlement,
                              CommitWaiter* waiter) {
    std::vector<BudgetNote> notes;
    const NanoUsd amount = settle(hold, settlement, waiter, notes);
    for (const BudgetNote& note : notes) {
        if (on_budget_alert_) on_budget_alert_(note);
    }
    return amount;
}

NanoUsd LedgerBilling::settle(const Hold& hold, const Settlement& settlement, CommitWaiter* waiter,
                              std::vector<BudgetNote>& notes) {
    ENSURE(settlement.price != nullptr);
    uint32_t flags = settlement.flags;
    const TokenCounts tokens = without_negatives(settlement.tokens, flags);
    NanoUsd amount = cost(tokens, settlement.price->tariff);
    const std::lock_guard lock(desk_.mutex);
    const auto open = desk_.book.open_hold(hold.request);
    if (!open) {
        desk_.put(moot(waiter));
        return {};
    }
    if (amount > open->amount) {
        amount = open->amount;
        flags |= flag_usage_clamped;
    }
    std::vector<BudgetAlert> alerts;
    const auto ended = desk_.book.end(hold.request, amount, &alerts);
    for (const BudgetAlert& alert : alerts)
        notes.push_back({view_of(alert.budget, hold.at), alert.percent});
    const UnixMillis at = desk_.book.advance(settlement.now);
    Entry entry = ending(Kind::settle, hold, ended->account, settlement.outcome, at);
    entry.set(Column::amount, amount.n);
    set_name(entry, Column::endpoint, settlement.endpoint, at);
    set_name(entry, Column::model, settlement.model, at);
    entry.set(Column::price, price_id(*settlement.price, at));
    entry.set(Column::source, static_cast<int64_t>(settlement.source));
    entry.set(Column::flags, flags);
    entry.set_tokens(Column::input_uncached, tokens);
    if (settlement.upstream_tokens) {
        entry.set_tokens(Column::upstream_input_uncached, *settlement.upstream_tokens);
    }
    std::unique_ptr<const AnswerChange> answer;
    if (hold.is_keyed && settlement.answer) {
        answer = std::make_unique<const AnswerChange>(
            AnswerChange{AnswerChange::What::keep, hold.request, {}, {}, {}, *settlement.answer});
        answers_.add(hold.caller.account, hold.at,
                     static_cast<int64_t>(settlement.answer->bytes.size()));
    }
    put_ending(entry, *ended, settlement.attempts, waiter, std::move(answer));
    return amount;
}

void LedgerBilling::release(const Hold& hold, Outcome outcome, UnixMillis now, CommitWaiter* waiter,
                            std::span<const AttemptRecord> attempts) {
    const std::lock_guard lock(desk_.mutex);
    const auto ended = desk_.book.end(hold.request, NanoUsd{0});
    if (!ended) {
        desk_.put(moot(waiter));
        return;
    }
    const UnixMillis at = desk_.book.advance(now);
    Entry entry = ending(Kind::release, hold, ended->account, outcome, at);
    std::unique_ptr<const AnswerChange> answer;
    if (hold.is_keyed) {
        answer = std::make_unique<const AnswerChange>(
            AnswerChange{AnswerChange::What::free, hold.request, {}, {}, {}, {}});
    }
    put_ending(entry, *ended, attempts, waiter, std::move(answer));
}

Result<std::optional<EarlierRequest>> LedgerBilling::find_earlier(AccountId account,
                                                                  const Digest& key,
                                                                  UnixMillis now) {
    return answers_.find(account, key, now);
}

int64_t LedgerBilling::n_bytes_kept(AccountId account, UnixMillis now) {
    return answers_.n_bytes(account, now);
}

void LedgerBilling::checkpoint(const Hold& hold, const Checkpoint& checkpoint) {
    ENSURE(checkpoint.price != nullptr);
    uint32_t unused_flags = flag_none;
    const std::lock_guard lock(desk_.mutex);
    if (!check_admits() || !desk_.book.note_checkpoint(hold.request)) return;
    const UnixMillis at = desk_.book.advance(checkpoint.now);
    CheckpointRow row;
    row.request = hold.request.n;
    row.endpoint = name_id(checkpoint.endpoint, at);
    row.model = name_id(checkpoint.model, at);
    row.price = price_id(*checkpoint.price, at);
    row.started = checkpoint.started;
    row.at = at;
    row.source = checkpoint.source;
    row.tokens = without_negatives(checkpoint.tokens, unused_flags);
    Pending pending;
    pending.checkpoint = std::make_unique<const CheckpointRow>(row);
    desk_.put(std::move(pending));
}

bool LedgerBilling::store(Rollup rollup) {
    const auto written = write([&](CommitWaiter& waiter) -> Result<void> {
        Pending pending;
        pending.waiter = &waiter;
        pending.rollup = std::make_unique<const Rollup>(std::move(rollup));
        desk_.put(std::move(pending));
        return {};
    });
    return written.has_value();
}

Counters LedgerBilling::counters() const {
    const std::lock_guard lock(desk_.mutex);
    Counters counters;
    counters.n_reservations_open = desk_.book.n_open();
    counters.reserved = desk_.book.reserved();
    counters.n_entries_queued = desk_.n_queued;
    counters.n_commits = desk_.n_commits;
    counters.n_commits_failed = desk_.n_commits_failed;
    counters.n_entries_committed = desk_.n_entries_committed;
    counters.available = desk_.is_available;
    counters.anchor = desk_.anchor;
    counters.n_anchors_failed = desk_.n_anchors_failed;
    return counters;
}

}  // namespace billing
