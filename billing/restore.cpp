#include "billing/restore.h"

#include <algorithm>

#include "billing/chain_walk.h"
#include "billing/cut.h"
#include "billing/standing_restore.h"

namespace billing {
namespace {

constexpr int64_t kTailEntries = 1'024;

// The columns that balances come from: the first of the table, so that little of a row is read.
constexpr const char* kBalanceSql =
    "SELECT seq, kind, at, request, account, key, amount, subject, route FROM entries "
    "WHERE seq > ? ORDER BY seq";
constexpr size_t kBalanceColumns = 9;

Entry read_balance_columns(const Statement& row) {
    Entry entry;
    for (size_t i = 0; i < kBalanceColumns; ++i) {
        const int column = static_cast<int>(i);
        if (!row.is_null(column)) entry.set(static_cast<Column>(i), row.integer(column));
    }
    return entry;
}

struct Books {
    Book& book;
    KeyRing& keys;
};

bool load_row(const Entry& entry, const AccountRow& row, Books books) {
    return books.book.load_account({entry.get(Column::subject)}, row);
}

bool load_row(const Entry& entry, const KeyRow& row, Books books) {
    const KeyId id{entry.get(Column::subject)};
    if (!books.book.load_key(id, {row.account})) return false;
    KeyInfo info{id, {}, row.prefix, row.last4};
    info.created_at = {entry.get(Column::at)};
    books.keys.add(row.digest, {row.account}, std::move(info));
    return true;
}

bool load_row(const Entry& entry, const NameRow& row, Books books) {
    books.book.load_name(entry.get(Column::subject), row.text);
    return true;
}

bool load_row(const Entry& entry, const PriceRow& row, Books books) {
    return books.book.load_price(entry.get(Column::subject), row);
}

bool load_row(const Entry& entry, const AttributionRow& row, Books books) {
    books.book.attributions().load(entry.get(Column::subject), row);
    return true;
}

bool load_row(const Entry&, const AccountTermsRow& row, Books books) {
    return books.book.change_account(row);
}

bool load_row(const Entry&, const KeyTermsRow& row, Books books) {
    const auto terms = to_terms(row);
    return terms && books.keys.set_terms({row.key}, *terms);
}

bool load_row(const Entry&, const KeySecretRow& row, Books books) {
    return books.keys.add_secret(row);
}

bool load_row(const Entry&, const BudgetRow& row, Books books) {
    return books.book.load_budget(row);
}

// What these say is in their entries.
bool load_row(const Entry&, const CreditRow&, Books) {
    return true;
}
bool load_row(const Entry&, const RefundRow&, Books) {
    return true;
}
bool load_row(const Entry&, const Attempts&, Books) {
    return true;
}
bool load_row(const Entry&, const CutRow&, Books) {
    return true;
}

// What balances come from.
bool load_money(const Entry& entry, Book& book) {
    const RequestId request{entry.get(Column::request)};
    const AccountId account{entry.get(Column::account)};
    const NanoUsd amount{entry.get(Column::amount)};
    switch (static_cast<Kind>(entry.get(Column::kind))) {
        case Kind::reserve:
            return book.load_reserve(entry);
        case Kind::settle: {
            const auto hold = book.open_hold(request);
            if (!hold || amount < NanoUsd{0} || amount > hold->amount) return false;
            return book.end(request, amount).has_value();
        }
        case Kind::release:
            return book.end(request, NanoUsd{0}).has_value();
        case Kind::credit:
            return book.has_account(account) && book.load_credit(account, amount);
        case Kind::debit:
            return book.load_debit(account, amount);
        case Kind::refund:
            return book.load_refund(account, amount);
        default:
            return true;
    }
}

bool load(const Entry& entry, DefinitionTables& tables, Books books) {
    books.book.advance({entry.get(Column::at)});
    if (!load_money(entry, books.book)) return false;
    const auto kind = static_cast<Kind>(entry.get(Column::kind));
    const int64_t id = entry.get(Column::subject);
    switch (kind) {
        case Kind::settle:
        case Kind::release:
            books.book.load_attempt(id);
            return true;
        case Kind::refund:
            books.book.load_refund_row(id);
            return true;
        case Kind::credit:
        case Kind::debit:
            books.book.load_row(kind, id);
            return true;
        case Kind::key_disabled:
            return books.keys.disable({id});
        case Kind::key_enabled:
            return books.keys.enable({id});
        case Kind::account_terms:
        case Kind::key_terms:
        case Kind::key_secret:
        case Kind::budget:
            books.book.load_row(kind, id);
            break;
        case Kind::reserve:
            return true;
        case Kind::account:
        case Kind::key:
        case Kind::name:
        case Kind::attribution:
        case Kind::price:
        case Kind::cut:
            break;
    }
    if (table_of(kind) == nullptr) return false;
    const auto definition = tables.find(kind, id);
    return definition &&
           std::visit([&](const auto& row) { return load_row(entry, row, books); }, *definition);
}

// Entries behind `n_entries`; returns how many there are then.
Result<int64_t> load_entries(Database& database, int64_t n_entries, Book& book, KeyRing& keys) {
    auto tables = DefinitionTables::prepare(database);
    if (!tables) return tl::unexpected(tables.error());
    auto rows = database.prepare(kBalanceSql);
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, n_entries == 0 ? INT64_MIN : n_entries);  // none may stand before the first
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        if (rows->integer(0) != ++n_entries) return bad_entry(n_entries, "missing");
        if (!load(read_balance_columns(*rows), *tables, {book, keys})) {
            return bad_entry(n_entries, "contradicts the entries before it");
        }
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read the entries"));
    return n_entries;
}

Result<ChainHead> tail_start(Database& database, int64_t seq) {
    if (seq == 0) {
        const auto pepper_check = read_pepper_check(database);
        if (!pepper_check) return tl::unexpected(pepper_check.error());
        Sha256 sha256;
        return chain_origin(sha256, *pepper_check);
    }
    const auto point = chain_point(database, seq);
    if (!point) return tl::unexpected(point.error());
    if (!*point) return bad_entry(seq, "has no hash");
    return (*point)->head;
}

void close_keys(const Book& book, KeyRing& keys) {
    std::vector<KeyId> closed;
    for (const KeyInfo& key : keys.list()) {
        if (book.tree().is_closed(book.tree().account_of_key(key.id.n))) closed.push_back(key.id);
    }
    keys.close(closed);
}

Result<void> load_uses(Database& database, KeyRing& keys) {
    auto rows = database.prepare("SELECT key, at FROM key_uses");
    if (!rows) return tl::unexpected(rows.error());
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row)
        keys.load_use({{rows->integer(0)}, {rows->integer(1)}});
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read key_uses"));
    return {};
}

}  // namespace

Result<ChainHead> restore(Database& database, const std::optional<Standing>& anchored, Book& book,
                          KeyRing& keys) {
    const auto cut = last_cut(database);
    if (!cut) return tl::unexpected(cut.error());
    const Standing* start = *cut ? &(*cut)->standing : nullptr;
    const int64_t n_cut = *cut ? (*cut)->row.seq : 0;
    if (anchored) start = &*anchored;
    int64_t n_anchored = 0;
    if (start != nullptr) {
        if (auto ok = load_standing(database, *start, book, keys); !ok)
            return tl::unexpected(ok.error());
        n_anchored = start->head.seq;
    }
    const auto n_entries = load_entries(database, n_anchored, book, keys);
    if (!n_entries) return tl::unexpected(n_entries.error());
    close_keys(book, keys);
    if (auto ok = load_uses(database, keys); !ok) return tl::unexpected(ok.error());
    const int64_t n_before_tail = std::max(*n_entries - kTailEntries, n_cut);
    const auto tail = tail_start(
        database, start != nullptr ? std::min(n_before_tail, n_anchored) : n_before_tail);
    if (!tail) return tl::unexpected(tail.error());
    auto walk = ChainWalk::start(database, *tail);
    if (!walk) return tl::unexpected(walk.error());
    for (;;) {
        const auto entry = walk->next();
        if (!entry) return tl::unexpected(entry.error());
        if (!*entry) return walk->head();
    }
}

}  // namespace billing
