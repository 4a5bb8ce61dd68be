#include "billing/anchor_check.h"
#include "billing/chain_walk.h"
#include "billing/report.h"

namespace billing {
namespace {

// The first thing that is wrong; empty if nothing. Errors: what cannot be read.
Result<std::string> find_bad(Database& database, AnchorCheck& anchors, Verification& found) {
    const auto pepper_check = read_pepper_check(database);
    if (!pepper_check) return tl::unexpected(pepper_check.error());
    Sha256 sha256;
    const ChainHead origin = chain_origin(sha256, *pepper_check);
    found.head = to_hex(origin.hash);
    auto walk = ChainWalk::start(database, origin);
    if (!walk) return tl::unexpected(walk.error());
    Audit audit;
    for (;;) {
        const auto entry = walk->next();
        if (!entry) {
            if (entry.error().code == Errc::ledger_broken) return entry.error().detail;
            return tl::unexpected(entry.error());
        }
        if (!*entry) break;
        const std::string wrong = audit.check(**entry, walk->definition());
        if (!wrong.empty()) return bad_entry(walk->head().seq, wrong).value().detail;
        ++found.n_entries;
        found.n_open_holds = audit.n_open();
        found.head = to_hex(walk->head().hash);
        anchors.add(**entry, walk->head(), audit);
    }
    anchors.finish(walk->head());
    if (!anchors.wrong().empty()) return anchors.wrong();
    for (const Kind kind : {Kind::account, Kind::key, Kind::name, Kind::price}) {
        const std::string table = table_of(kind);
        const auto n_rows = database.query_integer("SELECT count(*) FROM " + table);
        if (!n_rows) return tl::unexpected(n_rows.error());
        if (*n_rows != audit.n_defined(kind))
            return "table " + table + ": a row that no entry speaks of";
    }
    return std::string();
}

}  // namespace

Result<Verification> verify(const std::filesystem::path& ledger) {
    AnchorCheck anchors(ledger);  // before the snapshot, which then has all entries that they name
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok)
        return tl::unexpected(ok.error());  // one snapshot
    const auto schema = check_schema(*database);
    Verification found;
    auto bad = find_bad(*database, anchors, found);
    found.has_anchors = anchors.has_file();
    found.n_anchors = anchors.n_anchors();
    if (!bad) return tl::unexpected(schema ? bad.error() : schema.error());
    found.first_bad = std::move(*bad);
    if (found.first_bad.empty() && !schema) found.first_bad = schema.error().detail;
    return found;
}

}  // namespace billing
