#include "billing/standing_restore.h"

#include <algorithm>

#include "billing/anchor_file.h"
#include "billing/cut.h"

namespace billing {
namespace {

tl::unexpected<Error> not_standing(const std::string& what) {
    return tl::unexpected(Error{Errc::ledger_broken, what + kAnchorsCure});
}

std::string anchor_at(const Standing& standing) {
    return "the last anchor, at entry " + std::to_string(standing.head.seq) + ": ";
}

Result<void> check_head(Database& database, const Standing& standing) {
    const auto point = chain_point(database, standing.head.seq);
    if (!point) return tl::unexpected(point.error());
    if (!*point) {
        const auto n_cut = database.query_integer("SELECT coalesce(max(seq), 0) FROM cuts");
        if (!n_cut) return tl::unexpected(n_cut.error());
        return not_standing(
            anchor_at(standing) +
            (standing.head.seq < *n_cut
                 ? "the ledger was cut behind it: the anchors are those of before"
                 : "the ledger ends before it: its last entries are gone, or an older copy of it "
                   "was put back"));
    }
    if ((*point)->head != standing.head || (*point)->at != standing.at) {
        return not_standing(
            anchor_at(standing) +
            "the ledger has another entry there: entries were changed, or the anchors "
            "are of another ledger");
    }
    return {};
}

// The rows that changes of one kind brought up to the anchor, in their order.
template <class Row>
Result<std::map<int64_t, Row>> read_changes(Database& database, DefinitionTables& tables,
                                            const Standing& standing, Kind kind) {
    const std::string table = table_of(kind);
    const auto end = first_row_behind(database, kind, standing.head.seq);
    if (!end) return tl::unexpected(end.error());
    auto ids = database.prepare("SELECT id FROM " + table + " WHERE id < ? ORDER BY id");
    if (!ids) return tl::unexpected(ids.error());
    ids->bind(1, *end);
    std::map<int64_t, Row> rows;
    Statement::Step step;
    while ((step = ids->step()) == Statement::Step::row) {
        auto found = tables.find(kind, ids->integer(0));
        auto* row = found ? std::get_if<Row>(&*found) : nullptr;
        if (row == nullptr) return not_standing("a row of table " + table + " cannot be read");
        rows.emplace(ids->integer(0), std::move(*row));
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read changes"));
    return rows;
}

Result<void> load_accounts(Database& database, DefinitionTables& tables, const Standing& standing,
                           Book& book) {
    const auto changes =
        read_changes<AccountTermsRow>(database, tables, standing, Kind::account_terms);
    if (!changes) return tl::unexpected(changes.error());
    std::map<int64_t, AccountTermsRow> last;
    for (const auto& [id, terms] : *changes) {
        last[terms.account] = terms;
        book.load_row(Kind::account_terms, id);
    }
    for (const auto& [id, balance] : standing.accounts) {
        auto found = tables.find(Kind::account, id);
        auto* account = found ? std::get_if<AccountRow>(&*found) : nullptr;
        const std::string what = "account " + std::to_string(id);
        if (account == nullptr) return not_standing(anchor_at(standing) + what + " is missing");
        const auto terms = last.find(id);
        // Names are given again: only those of one time are unique.
        if (terms != last.end()) account->name = terms->second.name;
        if (!book.load_account({id}, *account) ||
            (terms != last.end() && !book.change_account(terms->second)))
            return not_standing(anchor_at(standing) + what + " cannot be where it is");
        if (!book.load_balance({id}, balance.funds, balance.spent))
            return not_standing(anchor_at(standing) + what + " has more than an account can");
    }
    return {};
}

Result<void> load_keys(Database& database, DefinitionTables& tables, const Standing& standing,
                       Book& book, KeyRing& keys) {
    for (const auto& [id, key] : standing.keys) {
        const auto found = tables.find(Kind::key, id);
        const auto* row = found ? std::get_if<KeyRow>(&*found) : nullptr;
        if (row == nullptr || !book.load_key({id}, {row->account}))
            return not_standing(anchor_at(standing) + "key " + std::to_string(id) + " is missing");
        KeyInfo info{{id}, {}, row->prefix, row->last4};
        info.created_at = key.created_at;
        keys.add(row->digest, {row->account}, std::move(info));
        if (!key.enabled) keys.disable({id});
    }
    const auto changes = read_changes<KeyTermsRow>(database, tables, standing, Kind::key_terms);
    if (!changes) return tl::unexpected(changes.error());
    for (const auto& [id, row] : *changes) {
        const auto terms = to_terms(row);
        if (!terms || !keys.set_terms({row.key}, *terms))
            return not_standing("row " + std::to_string(id) + " of table key_terms cannot be");
        book.load_row(Kind::key_terms, id);
    }
    const auto secrets = read_changes<KeySecretRow>(database, tables, standing, Kind::key_secret);
    if (!secrets) return tl::unexpected(secrets.error());
    for (const auto& [id, row] : *secrets) {
        if (!keys.add_secret(row))
            return not_standing("row " + std::to_string(id) + " of table key_secrets cannot be");
        book.load_row(Kind::key_secret, id);
    }
    return {};
}

Result<void> load_budgets(Database& database, DefinitionTables& tables, const Standing& standing,
                          Book& book) {
    const auto changes = read_changes<BudgetRow>(database, tables, standing, Kind::budget);
    if (!changes) return tl::unexpected(changes.error());
    for (const auto& [id, row] : *changes) {
        if (!book.load_budget(row))
            return not_standing("row " + std::to_string(id) + " of table budgets cannot be: " +
                                (config::TimeZone::find(row.zone)
                                     ? "it was changed"
                                     : "this machine has no time zone " + row.zone));
        book.load_row(Kind::budget, id);
    }
    bool is_right = book.budgets().list().size() == standing.budgets.size();
    for (const auto& [number, use] : standing.budgets)
        is_right = is_right && use && book.budgets().load_use(number, *use);
    if (!is_right)
        return not_standing(anchor_at(standing) + "its budgets are not those of the entries");
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
                       {&Book::load_credit_row, "SELECT coalesce(max(id), 0) FROM credits"},
                       {&Book::load_attempt,
                        "SELECT max((SELECT coalesce(max(id), 0) FROM attempts), "
                        "(SELECT coalesce(max(last_attempt), 0) FROM cuts))"}};
    for (const auto& last : lasts) {
        const auto id = database.query_integer(last.sql);
        if (!id) return tl::unexpected(id.error());
        (book.*last.load)(*id);
    }
    return {};
}

using OpenHolds = std::map<int64_t, Entry>;  // RESERVE, by request

Result<OpenHolds> read_open_holds(Database& database, const Standing& standing) {
    OpenHolds open;
    if (standing.oldest_open.n == 0) return open;
    auto first = database.prepare("SELECT seq FROM entries WHERE kind = 1 AND request = ?");
    if (!first) return tl::unexpected(first.error());
    first->bind(1, standing.oldest_open.n);
    if (first->step() != Statement::Step::row)
        return not_standing(anchor_at(standing) + "its oldest open hold is missing");
    auto rows = database.prepare(
        "SELECT kind, request, account, key, amount, at, route FROM entries NOT INDEXED "
        "WHERE seq >= ? AND seq <= ? AND kind IN (1, 2, 3) ORDER BY seq");
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, first->integer(0));
    rows->bind(2, standing.head.seq);
    constexpr Column kColumns[] = {Column::kind,   Column::request, Column::account, Column::key,
                                   Column::amount, Column::at,      Column::route};
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        Entry entry;
        for (size_t i = 0; i < std::size(kColumns); ++i)
            entry.set(kColumns[i], rows->integer(static_cast<int>(i)));
        const int64_t request = entry.get(Column::request);
        if (entry.is(Kind::reserve))
            open.emplace(request, entry);
        else
            open.erase(request);
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
    if (auto ok = load_accounts(database, *tables, standing, book); !ok) return ok;
    if (auto ok = load_keys(database, *tables, standing, book, keys); !ok) return ok;
    if (auto ok = load_words(database, *tables, book); !ok) return ok;
    if (auto ok = load_budgets(database, *tables, standing, book); !ok) return ok;
    const auto open = read_open_holds(database, standing);
    if (!open) return tl::unexpected(open.error());
    bool is_right = (open->empty() ? 0 : open->begin()->first) == standing.oldest_open.n;
    for (const auto& [request, hold] : *open) is_right = is_right && book.load_open_hold(hold);
    for (const auto& [id, balance] : standing.accounts)
        is_right = is_right && book.balance({id}) == balance;
    if (!is_right)
        return not_standing(anchor_at(standing) + "its holds are not those of the entries");
    return {};
}

}  // namespace billing
