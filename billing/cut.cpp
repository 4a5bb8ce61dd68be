#include "billing/cut.h"

#include <algorithm>
#include <limits>

#include "billing/content_image.h"
#include "config/local_time.h"

namespace billing {
namespace {

tl::unexpected<Error> bad_cut(int64_t id, const std::string& what) {
    return tl::unexpected(Error{Errc::ledger_broken, "cut " + std::to_string(id) + ": " + what});
}

// Of one more row behind the digest of those before.
void add_row(Sha256& sha256, Digest& digest, const Digest& row) {
    ContentImage image;
    image.add(digest).add(row);
    digest = sha256(image.bytes());
}

}  // namespace

Result<std::optional<Cut>> last_cut(Database& database) {
    const auto id = database.query_integer("SELECT coalesce(max(id), 0) FROM cuts");
    if (!id) return tl::unexpected(id.error());
    if (*id == 0) return std::optional<Cut>();
    auto tables = DefinitionTables::prepare(database);
    if (!tables) return tl::unexpected(tables.error());
    auto found = tables->find(Kind::cut, *id);
    auto* row = found ? std::get_if<CutRow>(&*found) : nullptr;
    if (row == nullptr) return bad_cut(*id, "its row cannot be read");
    auto anchor = parse_anchor(row->standing);
    if (!anchor || !anchor->is_full || anchor->standing.head.seq != row->seq ||
        anchor->standing.oldest_open.n != 0)
        return bad_cut(*id, "its standing is none");
    return Cut{*id, std::move(*row), std::move(anchor->standing)};
}

Result<std::optional<ChainPoint>> chain_point(Database& database, int64_t seq) {
    auto row = database.prepare("SELECT hash, at FROM entries WHERE seq = ?");
    if (!row) return tl::unexpected(row.error());
    row->bind(1, seq);
    const Statement::Step step = row->step();
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read an entry"));
    if (step == Statement::Step::row) {
        ChainPoint point{{seq, {}}, {row->integer(1)}};
        if (row->blob(0).size() != point.head.hash.size()) return std::optional<ChainPoint>();
        std::ranges::copy(row->blob(0), point.head.hash.begin());
        return std::optional(point);
    }
    const auto cut = last_cut(database);
    if (!cut) return tl::unexpected(cut.error());
    if (!*cut || (*cut)->row.seq != seq) return std::optional<ChainPoint>();
    return std::optional(ChainPoint{(*cut)->standing.head, (*cut)->standing.at});
}

Result<int64_t> first_row_behind(Database& database, Kind kind, int64_t seq) {
    // A credit and what takes one back share their table.
    const Kind other = kind == Kind::credit ? Kind::debit : kind;
    auto row = database.prepare(
        "SELECT coalesce(min(subject), ?4) FROM entries NOT INDEXED "
        "WHERE seq > ?1 AND kind IN (?2, ?3)");
    if (!row) return tl::unexpected(row.error());
    row->bind(1, seq);
    row->bind(2, static_cast<int64_t>(kind));
    row->bind(3, static_cast<int64_t>(other));
    row->bind(4, std::numeric_limits<int64_t>::max());
    if (row->step() != Statement::Step::row)
        return tl::unexpected(database.error("look for the first row"));
    return row->integer(0);
}

Result<void> visit_rows_up_to(
    Database& database, DefinitionTables& tables, Kind kind, int64_t seq,
    const std::function<bool(int64_t id, const Definition& definition)>& visit) {
    const std::string table = table_of(kind);
    const auto end = first_row_behind(database, kind, seq);
    if (!end) return tl::unexpected(end.error());
    auto ids = database.prepare("SELECT id FROM " + table + " WHERE id < ? ORDER BY id");
    if (!ids) return tl::unexpected(ids.error());
    ids->bind(1, *end);
    Statement::Step step;
    while ((step = ids->step()) == Statement::Step::row) {
        const int64_t id = ids->integer(0);
        const auto definition = tables.find(kind, id);
        if (!definition || !visit(id, *definition)) {
            return refused(Errc::ledger_broken,
                           "row " + std::to_string(id) + " of table " + table + " cannot be read");
        }
    }
    if (step == Statement::Step::failed)
        return tl::unexpected(database.error("read table " + table));
    return {};
}

Result<Digest> digest_of_definitions(Database& database, int64_t seq) {
    auto tables = DefinitionTables::prepare(database);
    if (!tables) return tl::unexpected(tables.error());
    Sha256 sha256;
    Digest digest{};
    for (const Kind kind : kDefiningKinds) {
        auto visited = visit_rows_up_to(
            database, *tables, kind, seq, [&](int64_t id, const Definition& definition) {
                add_row(sha256, digest, content_digest(sha256, id, definition));
                return true;
            });
        if (!visited) return tl::unexpected(visited.error());
    }
    return digest;
}

Result<Digest> digest_of_rollups(Database& database, int64_t seq) {
    auto rows = database.prepare(
        "SELECT id, first_seq, end_seq, open_from, first_quarter, last_quarter, cells FROM rollups "
        "WHERE first_seq <= ? ORDER BY id");
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, seq);
    Sha256 sha256;
    Digest digest{};
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        constexpr int kNumbers = 6;
        ContentImage image;
        for (int i = 0; i < kNumbers; ++i) image.add(rows->integer(i));
        add_row(sha256, digest, sha256(image.bytes()));
        add_row(sha256, digest, sha256(rows->blob(kNumbers)));
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read the roll-ups"));
    return digest;
}

Result<void> check_is_kept(Database& database, UnixMillis from, const std::string& what) {
    const auto cut = last_cut(database);
    if (!cut) return tl::unexpected(cut.error());
    if (!*cut || from > (*cut)->standing.at) return {};
    return tl::unexpected(
        Error{Errc::query_invalid, what + " needs entries that were cut away: those up to " +
                                       config::to_rfc3339((*cut)->standing.at) + " are in " +
                                       (*cut)->row.archive});
}

Result<std::string> where_it_went(Database& database, RequestId request) {
    const auto cut = last_cut(database);
    if (!cut) return tl::unexpected(cut.error());
    if (!*cut || request > (*cut)->standing.last_request) return std::string();
    return "the entries up to " + config::to_rfc3339((*cut)->standing.at) +
           " were cut away; they are in " + (*cut)->row.archive;
}

}  // namespace billing
