#include "billing/standing_restore.h"

#include <algorithm>

#include "billing/anchor_file.h"

namespace billing {
namespace {

tl::unexpected<Error> not_standing(const std::string& what) {
    return tl::unexpected(Error{Errc::ledger_broken, what + kAnchorsCure});
}

std::string anchor_at(const Standing& standing) {
    return "the last anchor, at entry " + std::to_string(standing.head.seq) + ": ";
}

Result<void> check_head(Database& database, const Standing& standing) {
    auto row = database.prepare("SELECT hash, at FROM entries WHERE seq = ?");
    if (!row) return tl::unexpected(row.error());
    row->bind(1, standing.head.seq);
    switch (row->step()) {
        case Statement::Step::failed:
            return tl::unexpected(database.error("read the anchored entry"));
        case Statement::Step::done:
            return not_standing(
                anchor_at(standing) +
                "the ledger ends before it: its last entries are gone, or an older copy "
                "of it was put back");
        case Statement::Step::row:
            break;
    }
    if (!std::ranges::equal(row->blob(0), standing.head.hash) ||
        row->integer(1) != standing.at.ms) {
        return not_standing(
            anchor_at(standing) +
            "the ledger has another entry there: entries were changed, or the anchors "
            "are of another ledger");
    }
    return {};
}

Result<void> load_owners(DefinitionTables& tables, const Standing& standing, Book& book,
                         KeyRing& keys) {
    for (const auto& [id, balance] : standing.accounts) {
        const auto found = tables.find(Kind::account, id);
        const auto* account = found ? std::get_if<AccountRow>(&*found) : nullptr;
        const std::string what = "account " + std::to_string(id);
        if (account == nullptr) return not_standing(anchor_at(standing) + what + " is missing");
        book.load_account({id}, account->name);
        if (!book.load_balance({id}, balance.funds, balance.spent))
            return not_standing(anchor_at(standing) + what + " has more than an account can");
    }
    for (const auto& [id, key] : standing.keys) {
        const auto found = tables.find(Kind::key, id);
        const auto* row = found ? std::get_if<KeyRow>(&*found) : nullptr;
        if (row == nullptr || !book.has_account({row->account}))
            return not_standing(anchor_at(standing) + "key " + std::to_string(id) + " is missing");
        book.load_key({id});
        keys.add(row->digest, {row->account},
                 KeyInfo{{id},
                         book.account_name({row->account}),
                         row->prefix,
                         row->last4,
                         true,
                         key.created_at});
        if (!key.enabled) keys.disable({id});
    }
    return {};
}

Result<void> load_words(Database& database, DefinitionTables& tables, Book& book) {
    struct {
        Kind kind;
        const char* sql;
    } const lists[] = {{Kind::name, "SELECT id FROM names"},
                       {Kind::price, "SELECT id FROM prices"},
                       {Kind::attribution, "SELECT id FROM attributions"}};
    for (const auto& list : lists) {
        auto ids = database.prepare(list.sql);
        if (!ids) return tl::unexpected(ids.error());
        Statement::Step step;
        while ((step = ids->step()) == Statement::Step::row) {
            const int64_t id = ids->integer(0);
            const auto found = tables.find(list.kind, id);
            if (!found) return not_standing("row " + std::to_string(id) + " cannot be read");
            if (const auto* name = std::get_if<NameRow>(&*found)) book.load_name(id, name->text);
            if (const auto* price = std::get_if<PriceRow>(&*found)) {
                if (!book.load_price(id, *price))
                    return not_standing("row " + std::to_string(id) + " of table prices cannot be");
            }
            if (const auto* row = std::get_if<AttributionRow>(&*found))
                book.attributions().load(id, *row);
        }
        if (step == Statement::Step::failed) return tl::unexpected(database.error(list.sql));
    }
    struct {
        void (Book::*load)(int64_t id);
        const char* sql;
    } const lasts[] = {{&Book::load_refund_row, "SELECT coalesce(max(id), 0) FROM refunds"},
                       {&Book::load_attempt, "SELECT coalesce(max(id), 0) FROM attempts"}};
    for (const auto& last : lasts) {
        const auto id = database.query_integer(last.sql);
        if (!id) return tl::unexpected(id.error());
        (book.*last.load)(*id);
    }
    return {};
}

using OpenHolds = std::map<int64_t, Book::OpenHold>;

Result<OpenHolds> read_open_holds(Database& database, const Standing& standing) {
    OpenHolds open;
    if (standing.oldest_open.n == 0) return open;
    auto first = database.prepare("SELECT seq FROM entries WHERE kind = 1 AND request = ?");
    if (!first) return tl::unexpected(first.error());
    first->bind(1, standing.oldest_open.n);
    if (first->step() != Statement::Step::row)
        return not_standing(anchor_at(standing) + "its oldest open hold is missing");
    auto rows = database.prepare(
        "SELECT kind, request, account, key, amount FROM entries NOT INDEXED "
        "WHERE seq >= ? AND seq <= ? AND kind IN (1, 2, 3) ORDER BY seq");
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, first->integer(0));
    rows->bind(2, standing.head.seq);
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        const int64_t request = rows->integer(1);
        if (rows->integer(0) == static_cast<int64_t>(Kind::reserve)) {
            const Caller caller{{rows->integer(2)}, {rows->integer(3)}};
            open.emplace(request, Book::OpenHold{caller, {rows->integer(4)}});
        } else {
            open.erase(request);
        }
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read open holds"));
    return open;
}

}  // namespace

Result<void> load_standing(Database& database, const Standing& standing, Book& book,
                           KeyRing& keys) {
    if (auto ok = check_head(database, standing); !ok) return ok;
    auto tables = DefinitionTables::prepare(database);
    if (!tables) return tl::unexpected(tables.error());
    book.load_anchor(standing.at, standing.last_request);
    if (auto ok = load_owners(*tables, standing, book, keys); !ok) return ok;
    if (auto ok = load_words(database, *tables, book); !ok) return ok;
    const auto open = read_open_holds(database, standing);
    if (!open) return tl::unexpected(open.error());
    bool is_right = (open->empty() ? 0 : open->begin()->first) == standing.oldest_open.n;
    for (const auto& [request, hold] : *open)
        is_right = is_right && book.load_open_hold({request}, hold.caller, hold.amount);
    for (const auto& [id, balance] : standing.accounts)
        is_right = is_right && book.balance({id}) == balance;
    if (!is_right)
        return not_standing(anchor_at(standing) + "its holds are not those of the entries");
    return {};
}

}  // namespace billing
