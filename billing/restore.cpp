#include "billing/restore.h"

#include <algorithm>

#include "billing/chain_walk.h"
#include "billing/standing_restore.h"

namespace billing {
namespace {

constexpr int64_t kTailEntries = 1'024;

// The columns that balances come from: the first of the table, so that little of a row is read.
struct BalanceColumns {
    static constexpr const char* kSql =
        "SELECT seq, kind, at, request, account, key, amount, subject FROM entries "
        "WHERE seq > ? ORDER BY seq";
    explicit BalanceColumns(const Statement& row)
        : kind(static_cast<Kind>(row.integer(1))),
          at{row.integer(2)},
          request{row.integer(3)},
          caller{{row.integer(4)}, {row.integer(5)}},
          amount{row.integer(6)},
          subject(row.integer(7)) {}

    Kind kind;
    UnixMillis at;
    RequestId request;
    Caller caller;
    NanoUsd amount;
    int64_t subject;
};

bool load_definition(const BalanceColumns& columns, const Definition& definition, Book& book,
                     KeyRing& keys) {
    if (const auto* account = std::get_if<AccountRow>(&definition)) {
        book.load_account({columns.subject}, account->name);
    } else if (const auto* name = std::get_if<NameRow>(&definition)) {
        book.load_name(columns.subject, name->text);
    } else if (const auto* price = std::get_if<PriceRow>(&definition)) {
        return book.load_price(columns.subject, *price);
    } else if (const auto* attribution = std::get_if<AttributionRow>(&definition)) {
        book.attributions().load(columns.subject, *attribution);
    } else if (const auto* key = std::get_if<KeyRow>(&definition)) {
        if (!book.has_account({key->account})) return false;
        const KeyId id{columns.subject};
        book.load_key(id);
        keys.add(key->digest, {key->account},
                 KeyInfo{id, book.account_name({key->account}), key->prefix, key->last4, true,
                         columns.at});
    }
    return true;
}

// The attempts that it brought, or 0.
int64_t last_attempt(const BalanceColumns& columns) {
    const bool ends = columns.kind == Kind::settle || columns.kind == Kind::release;
    return ends ? columns.subject : 0;
}

bool load(const BalanceColumns& columns, DefinitionTables& tables, Book& book, KeyRing& keys) {
    book.advance(columns.at);
    book.load_attempt(last_attempt(columns));
    switch (columns.kind) {
        case Kind::reserve:
            return book.load_reserve(columns.request, columns.caller, columns.amount);
        case Kind::settle: {
            const auto hold = book.open_hold(columns.request);
            if (!hold || columns.amount < NanoUsd{0} || columns.amount > hold->amount) return false;
            return book.end(columns.request, columns.amount).has_value();
        }
        case Kind::release:
            return book.end(columns.request, NanoUsd{0}).has_value();
        case Kind::credit:
            return book.load_credit(columns.caller.account, columns.amount);
        case Kind::key_disabled:
            return keys.disable({columns.subject});
        case Kind::refund:
            book.load_refund_row(columns.subject);
            return book.load_refund(columns.caller.account, columns.amount);
        case Kind::account:
        case Kind::key:
        case Kind::name:
        case Kind::attribution:
        case Kind::price:
            break;
    }
    if (table_of(columns.kind) == nullptr) return false;
    const auto definition = tables.find(columns.kind, columns.subject);
    return definition && load_definition(columns, *definition, book, keys);
}

// Entries behind `n_entries`; returns how many there are then.
Result<int64_t> load_entries(Database& database, int64_t n_entries, Book& book, KeyRing& keys) {
    auto tables = DefinitionTables::prepare(database);
    if (!tables) return tl::unexpected(tables.error());
    auto rows = database.prepare(BalanceColumns::kSql);
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, n_entries == 0 ? INT64_MIN : n_entries);  // none may stand before the first
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        if (rows->integer(0) != ++n_entries) return bad_entry(n_entries, "missing");
        if (!load(BalanceColumns(*rows), *tables, book, keys)) {
            return bad_entry(n_entries, "contradicts the entries before it");
        }
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read the entries"));
    return n_entries;
}

Result<ChainHead> tail_start(Database& database, int64_t seq) {
    ChainHead head;
    if (seq == 0) {
        const auto pepper_check = read_pepper_check(database);
        if (!pepper_check) return tl::unexpected(pepper_check.error());
        Sha256 sha256;
        return chain_origin(sha256, *pepper_check);
    }
    auto row = database.prepare("SELECT hash FROM entries WHERE seq = ?");
    if (!row) return tl::unexpected(row.error());
    row->bind(1, seq);
    if (row->step() != Statement::Step::row || row->blob(0).size() != head.hash.size()) {
        return bad_entry(seq, "has no hash");
    }
    head.seq = seq;
    std::ranges::copy(row->blob(0), head.hash.begin());
    return head;
}

}  // namespace

Result<ChainHead> restore(Database& database, const std::optional<Standing>& anchored, Book& book,
                          KeyRing& keys) {
    int64_t n_anchored = 0;
    if (anchored) {
        if (auto ok = load_standing(database, *anchored, book, keys); !ok)
            return tl::unexpected(ok.error());
        n_anchored = anchored->head.seq;
    }
    const auto n_entries = load_entries(database, n_anchored, book, keys);
    if (!n_entries) return tl::unexpected(n_entries.error());
    const int64_t n_before_tail = std::max<int64_t>(*n_entries - kTailEntries, 0);
    const auto start =
        tail_start(database, anchored ? std::min(n_before_tail, n_anchored) : n_before_tail);
    if (!start) return tl::unexpected(start.error());
    auto walk = ChainWalk::start(database, *start);
    if (!walk) return tl::unexpected(walk.error());
    for (;;) {
        const auto entry = walk->next();
        if (!entry) return tl::unexpected(entry.error());
        if (!*entry) return walk->head();
    }
}

}  // namespace billing
