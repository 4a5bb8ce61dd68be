#include "billing/anchor_check.h"
#include "billing/chain_walk.h"
#include "billing/cut.h"
#include "billing/entry_lookup.h"
#include "billing/report.h"
#include "billing/rollup.h"

namespace billing {
namespace {

// The first entry that is wrong.
std::string name_bad(const Entry& entry, int64_t seq, const std::string& what,
                     Verification& found) {
    found.bad_entry = seq;
    found.bad_request = {entry.get(Column::request)};
    const std::string whose = entry.has(Column::request)
                                  ? "request " + std::to_string(found.bad_request.n) + ": "
                                  : std::string();
    return bad_entry(seq, whose + what).value().detail;
}

// Does the entry behind `head` hold, if that is the end of the chain before it?
bool continues(Database& database, const ChainHead& head) {
    auto walk = ChainWalk::start(database, head);
    if (!walk) return false;
    const auto next = walk->next();
    return next && *next;
}

// What a refund gives back of, where that stands before it and is right then.
Result<std::optional<Entry>> charge_of(EntryLookup& lookup, const Entry& entry) {
    if (!entry.is(Kind::refund)) return std::optional<Entry>();
    auto charge = lookup.ending({entry.get(Column::request)});
    if (charge && *charge && (*charge)->get(Column::seq) > entry.get(Column::seq)) charge->reset();
    return charge;
}

// What was changed shows in the next hash, and often in what the row says.
std::string explain(Database& database, const ChainWalk& walk, Audit& audit, EntryLookup& lookup) {
    const ChainWalk::Mismatch& mismatch = *walk.mismatch();
    const int64_t seq = walk.head().seq + 1;
    std::string rows = "its row";
    if (const char* table = table_of(mismatch.entry)) {
        rows += ", or row " + std::to_string(mismatch.entry.get(Column::subject)) + " of table " +
                table + ",";
    }
    std::string what = "hash does not match: ";
    if (continues(database, {seq, mismatch.stored})) {
        what += rows + " was changed";
    } else if (continues(database, {seq, mismatch.computed})) {
        what += "the hash was changed, its row was not";
    } else {
        what += rows + " or the hash was changed";
    }
    const auto charge = charge_of(lookup, mismatch.entry);
    const std::string wrong =
        audit.check(mismatch.entry, walk.definition(), charge.value_or(std::nullopt));
    return wrong.empty() ? what : what + "; " + wrong;
}

// The rows that a cut speaks of are as they were. The first thing that is wrong; empty if nothing.
Result<std::string> check_cut(Database& database, const Cut& cut) {
    const std::string which = "cut " + std::to_string(cut.id) + ": ";
    const auto definitions = digest_of_definitions(database, cut.row.seq);
    if (!definitions) return tl::unexpected(definitions.error());
    if (*definitions != cut.row.definitions) {
        return which +
               "a row that an entry before it brought (an account, a key, a name, a price "
               "or the like) was changed, or is gone";
    }
    const auto rollups = digest_of_rollups(database, cut.row.seq);
    if (!rollups) return tl::unexpected(rollups.error());
    if (*rollups != cut.row.rollups) return which + "a roll-up before it was changed, or is gone";
    return std::string();
}

// Where the chain begins, and what is known there.
struct Beginning {
    ChainHead head;
    Audit audit;
    // Of the rows that a cut speaks of; empty: nothing, or there is none. An entry whose hash is
    // wrong is named before it, what such a row makes of a later entry is not.
    std::string wrong;
};

Result<Beginning> find_beginning(Database& database, AnchorCheck& anchors, Verification& found) {
    Beginning beginning;
    const auto cut = last_cut(database);
    if (!cut) return tl::unexpected(cut.error());
    if (!*cut) {
        const auto pepper_check = read_pepper_check(database);
        if (!pepper_check) return tl::unexpected(pepper_check.error());
        Sha256 sha256;
        beginning.head = chain_origin(sha256, *pepper_check);
        return beginning;
    }
    found.n_cut = (*cut)->row.seq;
    found.archive = (*cut)->row.archive;
    const auto first = database.query_integer("SELECT min(seq) FROM entries");
    if (!first) return tl::unexpected(first.error());
    if (*first <= found.n_cut)
        return bad_entry(*first, "stands before cut " + std::to_string((*cut)->id));
    auto audit = Audit::behind(database, **cut);
    if (!audit) return tl::unexpected(audit.error());
    beginning.audit = std::move(*audit);
    beginning.head = (*cut)->standing.head;
    anchors.begin((*cut)->standing);
    auto wrong = check_cut(database, **cut);
    if (!wrong) return tl::unexpected(wrong.error());
    beginning.wrong = std::move(*wrong);
    return beginning;
}

// The first thing that is wrong; empty if nothing. Errors: what cannot be read.
Result<std::string> find_bad(Database& database, AnchorCheck& anchors, Verification& found) {
    auto beginning = find_beginning(database, anchors, found);
    if (!beginning) {
        if (beginning.error().code != Errc::ledger_broken) return tl::unexpected(beginning.error());
        return beginning.error().detail;
    }
    found.head = to_hex(beginning->head.hash);
    auto walk = ChainWalk::start(database, beginning->head);
    if (!walk) return tl::unexpected(walk.error());
    auto lookup = EntryLookup::prepare(database);
    if (!lookup) return tl::unexpected(lookup.error());
    Audit& audit = beginning->audit;
    for (;;) {
        const auto entry = walk->next();
        if (!entry) {
            if (entry.error().code != Errc::ledger_broken) return tl::unexpected(entry.error());
            found.bad_entry = walk->head().seq + 1;
            if (!walk->mismatch()) return entry.error().detail;
            return name_bad(walk->mismatch()->entry, found.bad_entry,
                            explain(database, *walk, audit, *lookup), found);
        }
        if (!*entry) break;
        const auto charge = charge_of(*lookup, **entry);
        if (!charge) return tl::unexpected(charge.error());
        const std::string wrong = audit.check(**entry, walk->definition(), *charge);
        if (!wrong.empty() && !beginning->wrong.empty()) break;
        if (!wrong.empty()) return name_bad(**entry, walk->head().seq, wrong, found);
        ++found.n_entries;
        found.n_open_holds = audit.n_open();
        found.head = to_hex(walk->head().hash);
        anchors.add(**entry, walk->head(), audit);
    }
    if (!beginning->wrong.empty()) return beginning->wrong;
    anchors.finish(walk->head());
    if (!anchors.wrong().empty()) return anchors.wrong();
    const auto n_attempts = database.query_integer("SELECT count(*) FROM attempts");
    if (!n_attempts) return tl::unexpected(n_attempts.error());
    if (*n_attempts != audit.n_attempts())
        return std::string("table attempts: a row that no entry speaks of");
    for (const Kind kind : kDefiningKinds) {
        const std::string table = table_of(kind);
        const auto n_rows = database.query_integer("SELECT count(*) FROM " + table);
        if (!n_rows) return tl::unexpected(n_rows.error());
        if (*n_rows != audit.n_defined(kind))
            return "table " + table + ": a row that no entry speaks of";
    }
    const auto n_rollups = check_rollups(database, found.n_cut);
    if (!n_rollups) {
        if (n_rollups.error().code != Errc::ledger_broken) return tl::unexpected(n_rollups.error());
        return n_rollups.error().detail;
    }
    found.n_rollups = *n_rollups;
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
    if (!schema && schema.error().code != Errc::ledger_broken)
        return tl::unexpected(schema.error());
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
