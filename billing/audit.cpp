#include "billing/audit.h"

#include <algorithm>
#include <initializer_list>

#include "billing/cost.h"

namespace billing {
namespace {

uint32_t mask(std::initializer_list<Column> columns) {
    uint32_t bits = 0;
    for (const Column column : columns) bits |= 1u << static_cast<size_t>(column);
    return bits;
}

uint32_t mask_tokens(Column first) {
    const auto at = static_cast<size_t>(first);
    return 0x1fu << at;
}

struct Shape {
    uint32_t required, optional;
};

std::optional<Shape> shape_of(Kind kind) {
    using C = Column;
    const uint32_t all = mask({C::seq, C::kind, C::at});
    const uint32_t ending = all | mask({C::request, C::account, C::outcome});
    switch (kind) {
        case Kind::reserve:
            return Shape{all | mask({C::request, C::account, C::key, C::amount}),
                         mask({C::route, C::subject})};
        case Kind::settle:
            return Shape{ending | mask({C::amount, C::price, C::source, C::flags}) |
                             mask_tokens(C::input_uncached),
                         mask({C::endpoint, C::model, C::subject}) |
                             mask_tokens(C::upstream_input_uncached)};
        case Kind::release:
            return Shape{ending, mask({C::flags, C::subject})};
        case Kind::credit:
        case Kind::debit:
            return Shape{all | mask({C::account, C::amount}), mask({C::subject})};
        case Kind::account_terms:
            return Shape{all | mask({C::account, C::subject}), 0};
        case Kind::key_terms:
        case Kind::key_secret:
            return Shape{all | mask({C::key, C::subject}), 0};
        case Kind::key:
            return Shape{all | mask({C::account, C::subject}), 0};
        case Kind::refund:
            return Shape{all | mask({C::request, C::account, C::amount, C::subject}), 0};
        case Kind::account:
        case Kind::key_disabled:
        case Kind::key_enabled:
        case Kind::budget:
        case Kind::name:
        case Kind::attribution:
        case Kind::price:
        case Kind::cut:
            return Shape{all | mask({C::subject}), 0};
    }
    return std::nullopt;
}

bool is_negative(const TokenCounts& tokens) {
    return std::min({tokens.input_uncached, tokens.cache_read, tokens.cache_write,
                     tokens.output_answer, tokens.output_reasoning}) < 0;
}

}  // namespace

std::string Audit::check(const Entry& entry, const std::optional<Definition>& definition,
                         const std::optional<Entry>& charge) {
    if (std::string wrong = check_columns(entry); !wrong.empty()) return wrong;
    if (entry.get(Column::at) < last_at_) return "its instant lies before the last one's";
    last_at_ = entry.get(Column::at);
    touched_budgets_.clear();
    const auto kind = static_cast<Kind>(entry.get(Column::kind));
    switch (kind) {
        case Kind::reserve:
            return check_reserve(entry);
        case Kind::settle:
        case Kind::release: {
            std::string wrong = check_attempts(entry, definition);
            if (!wrong.empty()) return wrong;
            return kind == Kind::settle ? check_settle(entry) : check_release(entry);
        }
        case Kind::credit:
        case Kind::debit:
            return check_credit(entry, definition);
        case Kind::refund:
            return check_refund(entry, definition, charge);
        case Kind::key_disabled:
        case Kind::key_enabled:
            return tree_.account_of_key(entry.get(Column::subject)) != 0 ? ""
                                                                         : "no such key before it";
        case Kind::account:
        case Kind::account_terms:
        case Kind::key:
        case Kind::key_terms:
        case Kind::key_secret:
        case Kind::budget:
        case Kind::name:
        case Kind::attribution:
        case Kind::price:
        case Kind::cut:
            break;
    }
    return definition ? check_definition(kind, entry, *definition) : "defines nothing";
}

const Balance* Audit::balance(int64_t account) const {
    const auto at = balances_.find(account);
    return at == balances_.end() ? nullptr : &at->second;
}

int64_t Audit::oldest_open() const {
    const auto oldest =
        std::ranges::min_element(open_, {}, [](const auto& hold) { return hold.first; });
    return oldest == open_.end() ? 0 : oldest->first;
}

int64_t Audit::n_defined(Kind kind) const {
    const auto at = n_defined_.find(kind);
    return at == n_defined_.end() ? 0 : at->second;
}

std::string Audit::check_columns(const Entry& entry) const {
    const int64_t kind = entry.get(Column::kind);
    const auto shape = kind > 0 && kind < 256 ? shape_of(static_cast<Kind>(kind)) : std::nullopt;
    if (!shape) return "kind " + std::to_string(kind) + " is unknown";
    const uint32_t missing = shape->required & ~entry.present();
    const uint32_t extra = entry.present() & ~(shape->required | shape->optional);
    for (size_t i = 0; i < kColumnCount; ++i) {
        if ((missing >> i & 1u) != 0)
            return std::string("column ") + kColumnNames[i] + " is missing";
        if ((extra >> i & 1u) != 0) {
            return std::string("column ") + kColumnNames[i] + " does not belong there";
        }
    }
    return "";
}

bool Audit::is_name(const Entry& entry, Column column) const {
    return !entry.has(column) || names_.contains(entry.get(column));
}

std::string Audit::check_reserve(const Entry& entry) {
    const int64_t request = entry.get(Column::request);
    const int64_t account = entry.get(Column::account);
    const NanoUsd amount{entry.get(Column::amount)};
    if (request <= last_request_)
        return "request " + std::to_string(request) + " is reserved again";
    last_request_ = request;
    const auto balance = balances_.find(account);
    if (balance == balances_.end()) return "no such account before it";
    const Book::OpenHold hold = hold_of(entry, tree_);
    if (hold.payer.n != account || hold.caller.account.n == 0)
        return "the key is not the account's";
    if (tree_.is_closed(hold.caller.account.n)) return "of a closed account";
    if (!is_name(entry, Column::route)) return "no such route before it";
    if (entry.has(Column::subject)) {
        const auto names = attributions_.find(entry.get(Column::subject));
        if (names == attributions_.end() || names->second.account != hold.caller.account.n ||
            names->second.key != entry.get(Column::key)) {
            return "attributed to another account or key";
        }
    }
    if (amount < NanoUsd{0}) return "a hold below zero";
    const NanoUsd available = balance->second.available() + tree_.find(account)->row.credit_limit;
    if (available < amount) {
        return "holds " + config::to_string(amount) + " where only " +
               config::to_string(available) + " is available";
    }
    const Spender spender = spender_of(entry, tree_);
    if (const Budget* budget = budgets_.first_exceeded(tree_, spender, amount)) {
        return "holds " + config::to_string(amount) + ", more than budget " +
               std::to_string(budget->row.number) + " has left";
    }
    touched_budgets_ = budgets_.hold(tree_, spender, amount);
    balance->second.reserved += amount;
    open_.emplace(request, hold);
    return "";
}

void Audit::end_hold(int64_t request, NanoUsd spent) {
    const auto at = open_.find(request);
    const Book::OpenHold& hold = at->second;
    Balance& balance = balances_.at(hold.payer.n);
    balance.reserved -= hold.amount;
    balance.spent += spent;
    touched_budgets_ = budgets_.end(tree_, spender_of(request, hold), hold.amount, spent);
    open_.erase(at);
}

std::string Audit::check_settle(const Entry& entry) {
    const auto hold = open_.find(entry.get(Column::request));
    if (hold == open_.end()) return "settles a request that is not open";
    if (hold->second.payer.n != entry.get(Column::account)) return "another account's request";
    if (!is_name(entry, Column::endpoint)) return "no such endpoint before it";
    if (!is_name(entry, Column::model)) return "no such model before it";
    const auto price = prices_.find(entry.get(Column::price));
    if (price == prices_.end()) return "no such price before it";
    const TokenCounts tokens = entry.tokens(Column::input_uncached);
    if (is_negative(tokens)) return "tokens below zero";
    if (price->second.text && price->second.effective_from > hold->second.at)
        return "its price begins after its RESERVE";
    const NanoUsd full = cost(tokens, price->second.tariff);
    const NanoUsd amount = std::min(full, hold->second.amount);
    if (amount.n != entry.get(Column::amount)) {
        return "amount is " + config::to_string(NanoUsd{entry.get(Column::amount)}) +
               ", its tokens and price say " + config::to_string(amount);
    }
    if (full > amount && (entry.get(Column::flags) & flag_usage_clamped) == 0) {
        return "cut to its hold without the flag";
    }
    end_hold(entry.get(Column::request), amount);
    return "";
}

std::string Audit::check_release(const Entry& entry) {
    const auto hold = open_.find(entry.get(Column::request));
    if (hold == open_.end()) return "releases a request that is not open";
    if (hold->second.payer.n != entry.get(Column::account)) return "another account's request";
    end_hold(entry.get(Column::request), {});
    return "";
}

std::string Audit::check_credit(const Entry& entry, const std::optional<Definition>& definition) {
    const int64_t account = entry.get(Column::account);
    const auto at = balances_.find(account);
    if (at == balances_.end()) return "no such account before it";
    if (tree_.payer(account) != account) return "of an account without a wallet";
    const int64_t amount = entry.get(Column::amount);
    NanoUsd& funds = at->second.funds;
    if (amount <= 0) return "a credit of nothing or less";
    if (entry.is(Kind::debit)) {
        if (funds - at->second.spent < NanoUsd{amount})
            return "takes more than is left of the funds";
        funds -= NanoUsd{amount};
    } else if (__builtin_add_overflow(funds.n, amount, &funds.n)) {
        return "credits above what 64 bits hold";
    }
    if (!entry.has(Column::subject)) return "";
    return definition ? check_definition(Kind::credit, entry, *definition) : "defines nothing";
}

std::string Audit::check_attempts(const Entry& entry, const std::optional<Definition>& definition) {
    if (!entry.has(Column::subject)) return "";
    const auto* attempts = definition ? std::get_if<Attempts>(&*definition) : nullptr;
    if (attempts == nullptr || attempts->rows.empty()) return "names attempts that are not there";
    const auto n_rows = static_cast<int64_t>(attempts->rows.size());
    const int64_t last = entry.get(Column::subject);
    if (last - n_rows < last_attempt_) return "names attempts of another request";
    last_attempt_ = last;
    n_attempts_ += n_rows;
    int64_t n = 0;
    for (const AttemptRow& row : attempts->rows) {
        const std::string which = "attempt " + std::to_string(++n) + ": ";
        if (row.n != n || row.request != entry.get(Column::request))
            return which + "of another request, or another place in it";
        if (const std::string wrong = check_attempt(row); !wrong.empty()) return which + wrong;
    }
    return "";
}

std::string Audit::check_attempt(const AttemptRow& row) const {
    if (!names_.contains(row.endpoint)) return "no such endpoint before it";
    if (!names_.contains(row.model)) return "no such model before it";
    if (static_cast<size_t>(row.outcome) >= kAttemptOutcomeCount) return "an unknown outcome";
    if (row.source > CountSource::counted) return "an unknown source of its counts";
    if (is_negative(row.tokens)) return "tokens below zero";
    const auto price = prices_.find(row.price);
    if (price == prices_.end()) return "no such price before it";
    const NanoUsd cost = attempt_cost(row, price->second.tariff);
    if (cost == row.cost) return "";
    return "cost is " + config::to_string(row.cost) + ", its tokens and price say " +
           config::to_string(cost);
}

std::string Audit::check_refund(const Entry& entry, const std::optional<Definition>& definition,
                                const std::optional<Entry>& charge) {
    if (!charge || !charge->is(Kind::settle)) return "refunds what nothing before it charged";
    if (charge->get(Column::account) != entry.get(Column::account))
        return "another account's request";
    const NanoUsd amount{entry.get(Column::amount)};
    if (amount <= NanoUsd{0}) return "a refund of nothing or less";
    NanoUsd& refunded = refunded_[entry.get(Column::request)];
    const NanoUsd left = NanoUsd{charge->get(Column::amount)} - refunded;
    if (amount > left) {
        return "refunds " + config::to_string(amount) + " where only " + config::to_string(left) +
               " are left of the charge";
    }
    refunded += amount;
    balances_.at(entry.get(Column::account)).spent -= amount;
    return definition ? check_definition(Kind::refund, entry, *definition) : "defines nothing";
}

std::string Audit::check_definition(Kind kind, const Entry& entry, const Definition& definition) {
    const int64_t id = entry.get(Column::subject);
    if (id <= last_id_[kind]) return std::string("defines a row of ") + table_of(kind) + " again";
    last_id_[kind] = id;
    ++n_defined_[kind];
    return std::visit([&](const auto& row) { return check_row(entry, row); }, definition);
}

}  // namespace billing
