#include "billing/account_statement.h"

#include <algorithm>
#include <map>

#include "billing/cut.h"
#include "billing/entry.h"
#include "billing/report_time.h"
#include "billing/schema.h"
#include "billing/sqlite.h"
#include "config/local_time.h"

namespace billing {
namespace {

// Accounts as they are named today.
constexpr const char* kAccountsSql =
    "WITH RECURSIVE named AS (SELECT a.id, a.parent, a.wallet, coalesce((SELECT t.name FROM "
    "account_terms t WHERE t.account = a.id ORDER BY t.id DESC LIMIT 1), a.name) AS name "
    "FROM accounts a), "
    "paths AS (SELECT id, name AS path, iif(wallet = 1, 0, id) AS payer FROM named "
    "WHERE parent = 0 UNION ALL "
    "SELECT n.id, p.path || '/' || n.name, iif(n.wallet = 1, p.payer, n.id) "
    "FROM named n JOIN paths p ON n.parent = p.id) "
    "SELECT id, path, payer FROM paths";
static_assert(static_cast<int>(Wallet::none) == 1);

constexpr const char* kMovementsSql =
    "SELECT e.at, e.kind, e.account, e.amount, coalesce(c.ref, r.ref, '') FROM entries e "
    "LEFT JOIN credits c ON e.kind IN (4, 25) AND c.id = e.subject "
    "LEFT JOIN refunds r ON e.kind = 10 AND r.id = e.subject "
    "WHERE e.seq >= ?1 AND e.seq < ?2 AND e.kind IN (4, 10, 25) ORDER BY e.seq";

// What the entries before a seq changed of what a wallet has left: of requests, those that were
// reserved there.
constexpr const char* kLeftSql =
    "SELECT coalesce((SELECT sum(iif(kind = 25, -amount, amount)) FROM entries "
    "WHERE seq < ?2 AND account = ?1 AND kind IN (4, 10, 25)), 0) - "
    "coalesce((SELECT sum(t.amount) FROM entries r NOT INDEXED "
    "CROSS JOIN entries t INDEXED BY terminal_once ON t.request = r.request "
    "WHERE r.seq < ?2 AND r.kind = 1 AND r.account = ?1 AND t.kind IN (2, 3)), 0)";

struct AccountNow {
    std::string path;
    int64_t payer = 0;
};
using Accounts = std::map<int64_t, AccountNow>;

tl::unexpected<Error> bad_month(std::string detail) {
    return tl::unexpected(Error{Errc::query_invalid, std::move(detail)});
}

Result<Accounts> read_accounts(Database& database) {
    auto rows = database.prepare(kAccountsSql);
    if (!rows) return tl::unexpected(rows.error());
    Accounts accounts;
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row)
        accounts[rows->integer(0)] = {std::string(rows->text(1)), rows->integer(2)};
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read accounts"));
    return accounts;
}

Result<void> find_month(AccountStatement& found) {
    const auto first = config::parse_date(found.month + "-01");
    if (!first || found.month.size() != 7)
        return bad_month("\"" + found.month + "\" is no month; as 2026-10");
    const auto zone = Zone::find(found.time_zone);
    if (!zone) return tl::unexpected(zone.error());
    const std::string next = Zone::day_text(*first + 31).substr(0, 8) + "01";
    const auto from = zone->day_begin(found.month + "-01");
    const auto to = zone->day_begin(next);
    if (!from || !to) return bad_month("\"" + found.month + "\" is no month here");
    found.from = *from;
    found.to = *to;
    return {};
}

Result<void> read_head(Database& database, AccountStatement& found) {
    const auto text = database.query_text(
        "SELECT seq || ' ' || lower(hex(hash)) FROM entries ORDER BY seq DESC LIMIT 1");
    if (!text) return tl::unexpected(text.error());
    const size_t blank = text->find(' ');
    found.n_entries = std::stoll(text->substr(0, blank));
    found.head = text->substr(blank + 1);
    return {};
}

// Refunds are of the wallet that had paid; only those of wallets in `ids`.
Result<void> read_movements(Database& database, const Accounts& accounts,
                            const std::set<int64_t>& ids, int64_t begin, int64_t end,
                            AccountStatement& found) {
    auto rows = database.prepare(kMovementsSql);
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, begin);
    rows->bind(2, end);
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        const int64_t account = rows->integer(2);
        if (!ids.contains(account)) continue;
        Movement movement;
        movement.at = {rows->integer(0)};
        const auto kind = static_cast<Kind>(rows->integer(1));
        movement.kind = kind == Kind::credit  ? Movement::Kind::credit
                        : kind == Kind::debit ? Movement::Kind::debit
                                              : Movement::Kind::refund;
        movement.account = accounts.at(account).path;
        movement.amount = {rows->integer(3)};
        movement.ref = rows->text(4);
        found.movements.push_back(std::move(movement));
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read the entries"));
    return {};
}

Result<NanoUsd> left_before(Database& database, int64_t wallet, int64_t seq) {
    auto row = database.prepare(kLeftSql);
    if (!row) return tl::unexpected(row.error());
    row->bind(1, wallet);
    row->bind(2, seq);
    if (row->step() != Statement::Step::row) return tl::unexpected(database.error("sum up"));
    NanoUsd left{row->integer(0)};
    const auto cut = last_cut(database);
    if (!cut) return tl::unexpected(cut.error());
    if (*cut) {
        const auto& accounts = (*cut)->standing.accounts;
        const auto at = accounts.find(wallet);
        if (at != accounts.end()) left += at->second.funds - at->second.spent;
    }
    return left;
}

Result<void> read_usage(Database& database, const std::set<int64_t>& ids, AccountStatement& found) {
    ReportQuery query;
    query.from = found.from;
    query.to = found.to;
    query.time_zone = found.time_zone;
    query.accounts = ids;
    const auto rows_by = [&](std::vector<std::string> by) {
        query.by = std::move(by);
        return report(database, query);
    };
    auto total = rows_by({});
    if (!total) return tl::unexpected(total.error());
    found.total = std::move(total->at(0));
    struct {
        std::vector<ReportRow>& rows;
        std::vector<std::string> by;
    } const tables[] = {{found.by_day, {"day"}},
                        {found.by_model, {"model"}},
                        {found.by_key, {"account", "key", "name"}}};
    for (const auto& table : tables) {
        auto rows = rows_by(table.by);
        if (!rows) return tl::unexpected(rows.error());
        table.rows = std::move(*rows);
    }
    return {};
}

}  // namespace

Result<AccountStatement> account_statement(const std::filesystem::path& ledger,
                                           const std::string& account, const std::string& month,
                                           const std::string& time_zone) {
    AccountStatement found;
    found.account = account;
    found.month = month;
    found.time_zone = time_zone;
    if (auto ok = find_month(found); !ok) return tl::unexpected(ok.error());
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok)
        return tl::unexpected(ok.error());  // one snapshot
    if (auto ok = check_schema(*database); !ok) return tl::unexpected(ok.error());
    const auto accounts = read_accounts(*database);
    if (!accounts) return tl::unexpected(accounts.error());
    const auto self = std::ranges::find_if(
        *accounts, [&](const auto& each) { return each.second.path == account; });
    if (self == accounts->end())
        return tl::unexpected(Error{Errc::account_unknown, "no account \"" + account + "\""});
    std::set<int64_t> ids;
    for (const auto& [id, each] : *accounts)
        if (id == self->first || each.path.starts_with(account + "/")) ids.insert(id);
    found.payer = accounts->at(self->second.payer).path;
    if (auto ok = read_head(*database, found); !ok) return tl::unexpected(ok.error());
    if (auto ok = check_is_kept(*database, found.from, "a statement of " + month); !ok)
        return tl::unexpected(ok.error());
    const auto begin = first_seq_at(*database, found.from);
    if (!begin) return tl::unexpected(begin.error());
    const auto end = first_seq_at(*database, found.to);
    if (!end) return tl::unexpected(end.error());
    if (auto ok = read_movements(*database, *accounts, ids, *begin, *end, found); !ok)
        return tl::unexpected(ok.error());
    if (self->second.payer == self->first) {
        const auto opening = left_before(*database, self->first, *begin);
        if (!opening) return tl::unexpected(opening.error());
        const auto closing = left_before(*database, self->first, *end);
        if (!closing) return tl::unexpected(closing.error());
        found.opening = *opening;
        found.closing = *closing;
    }
    if (auto ok = read_usage(*database, ids, found); !ok) return tl::unexpected(ok.error());
    return found;
}

}  // namespace billing
