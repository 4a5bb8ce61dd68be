#include "billing/retention.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "billing/anchor_file.h"
#include "billing/backup.h"
#include "billing/beside.h"
#include "billing/billing.h"
#include "billing/cut.h"
#include "billing/file_lock.h"
#include "billing/ledger_file.h"
#include "billing/report.h"
#include "billing/wall_clock.h"
#include "config/local_time.h"

namespace billing {
namespace {

namespace fs = std::filesystem;

// Refunds in the order of the ledger, and for each the lowest request that it or a later one is of.
class LaterRefunds {
public:
    static Result<LaterRefunds> read(Database& database) {
        auto rows = database.prepare(
            "SELECT seq, request FROM entries NOT INDEXED WHERE kind = 10 ORDER BY seq");
        if (!rows) return tl::unexpected(rows.error());
        LaterRefunds refunds;
        Statement::Step step;
        while ((step = rows->step()) == Statement::Step::row)
            refunds.list_.push_back({rows->integer(0), rows->integer(1)});
        if (step == Statement::Step::failed)
            return tl::unexpected(database.error("read the refunds"));
        for (size_t i = refunds.list_.size(); i-- > 1;) {
            int64_t& before = refunds.list_[i - 1].lowest_request;
            before = std::min(before, refunds.list_[i].lowest_request);
        }
        return refunds;
    }
    // Is one behind entry `seq` of a request up to `last`?
    bool reach_back(int64_t seq, RequestId last) const {
        const auto next = std::ranges::upper_bound(list_, seq, {}, &Each::seq);
        return next != list_.end() && next->lowest_request <= last.n;
    }

private:
    struct Each {
        int64_t seq, lowest_request;
    };
    std::vector<Each> list_;
};

// What cutting must respect, as of one snapshot.
struct Limits {
    int64_t n_cut = 0;  // already
    int64_t rollup_end = 1;
    UnixMillis before;
    LaterRefunds refunds;

    bool allow(const Standing& standing) const {
        return standing.oldest_open.n == 0 && standing.head.seq > n_cut &&
               standing.head.seq < rollup_end && standing.at < before &&
               !refunds.reach_back(standing.head.seq, standing.last_request);
    }
};

Result<Limits> read_limits(Database& database, UnixMillis before) {
    const auto cut = last_cut(database);
    if (!cut) return tl::unexpected(cut.error());
    const auto rolled_up = rollups_end(database);
    if (!rolled_up) return tl::unexpected(rolled_up.error());
    auto refunds = LaterRefunds::read(database);
    if (!refunds) return tl::unexpected(refunds.error());
    return Limits{*cut ? (*cut)->row.seq : 0, rolled_up->end, before, std::move(*refunds)};
}

// The anchors up to entry `seq`, summed up: its standing, if it is the entry of one. `each` sees
// all.
template <class Each>
Result<Standing> read_anchors(const fs::path& ledger, int64_t seq, Each each) {
    auto reader = AnchorReader::open(anchors_of(ledger));
    if (!reader) return tl::unexpected(reader.error());
    Standing standing;
    while (*reader) {
        const auto anchor = (*reader)->next();
        if (!anchor) return tl::unexpected(anchor.error());
        if (!*anchor || (*anchor)->standing.head.seq > seq) break;
        advance(standing, **anchor);
        each(standing);
    }
    return standing;
}

// The last anchor that may be cut at, in two readings: there may be many, each with all accounts.
Result<Standing> choose(const fs::path& ledger, const Limits& limits) {
    constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
    int64_t last = 0;
    auto read = read_anchors(ledger, kAll, [&](const Standing& standing) {
        if (limits.allow(standing)) last = standing.head.seq;
    });
    if (!read) return read;
    if (last == 0) {
        return refused(Errc::query_invalid,
                       "nothing to cut away: before " + config::to_rfc3339(limits.before) +
                           " there is no anchor without open holds, whose requests nothing was "
                           "refunded of later, and which the roll-ups cover (they reach entry " +
                           std::to_string(limits.rollup_end - 1) + ")");
    }
    return read_anchors(ledger, last, [](const Standing&) {});
}

Result<CutRow> make_row(Database& database, const Standing& standing, const fs::path& archive) {
    CutRow row;
    row.seq = standing.head.seq;
    row.standing = format({true, standing});
    row.archive = fs::absolute(archive).string();
    const auto point = chain_point(database, row.seq);
    if (!point) return tl::unexpected(point.error());
    if (!*point || (*point)->head != standing.head)
        return refused(Errc::ledger_broken, "the anchors are of another ledger");
    const auto definitions = digest_of_definitions(database, row.seq);
    if (!definitions) return tl::unexpected(definitions.error());
    row.definitions = *definitions;
    const auto rollups = digest_of_rollups(database, row.seq);
    if (!rollups) return tl::unexpected(rollups.error());
    row.rollups = *rollups;
    const auto last_attempt = database.query_integer(
        "SELECT max((SELECT coalesce(max(last_attempt), 0) FROM cuts), coalesce((SELECT subject "
        "FROM entries NOT INDEXED WHERE seq <= " +
        std::to_string(row.seq) +
        " AND kind IN (2, 3) AND subject NOT NULL ORDER BY seq DESC LIMIT 1), 0))");
    if (!last_attempt) return tl::unexpected(last_attempt.error());
    row.last_attempt = *last_attempt;
    return row;
}

Result<void> copy_and_verify(const fs::path& ledger, const fs::path& archive) {
    if (auto made = back_up(ledger, archive); !made) return tl::unexpected(made.error());
    const auto found = verify(archive);
    if (!found) return tl::unexpected(found.error());
    if (!found->first_bad.empty())
        return refused(Errc::ledger_broken, "nothing was cut away: " + found->first_bad);
    return {};
}

// One transaction: the entry, and away with those before it.
Result<CutReport> cut_at(LedgerFile& file, const Standing& standing, const fs::path& archive) {
    Database& database = file.database();
    auto row = make_row(database, standing, archive);
    if (!row) return tl::unexpected(row.error());
    auto head = file.read_head();
    if (!head) return tl::unexpected(head.error());
    const auto last_at = database.query_integer("SELECT at FROM entries ORDER BY seq DESC LIMIT 1");
    if (!last_at) return tl::unexpected(last_at.error());
    const auto id = database.query_integer("SELECT coalesce(max(id), 0) + 1 FROM cuts");
    if (!id) return tl::unexpected(id.error());
    CutReport report;
    report.last_entry = row->seq;
    report.at = standing.at;
    report.head = to_hex(standing.head.hash);
    struct {
        int64_t& n;
        std::string rows;
    } const parts[] = {
        {report.n_entries, "entries WHERE seq <= " + std::to_string(row->seq)},
        {report.n_attempts, "attempts WHERE id <= " + std::to_string(row->last_attempt)}};
    for (const auto& part : parts) {
        const auto n = database.query_integer("SELECT count(*) FROM " + part.rows);
        if (!n) return tl::unexpected(n.error());
        part.n = *n;
    }
    Entry entry(Kind::cut, {std::max(*last_at, wall_clock().ms)});
    entry.set(Column::subject, *id);
    const Definition definition = std::move(*row);
    if (!file.begin() || !file.append(entry, &definition, *head))
        return tl::unexpected(database.error("write the cut"));
    for (const auto& part : parts)
        if (auto ok = database.execute("DELETE FROM " + part.rows); !ok)
            return tl::unexpected(ok.error());
    if (!file.commit()) return tl::unexpected(database.error("commit the cut"));
    const auto n_kept = database.query_integer("SELECT count(*) FROM entries");
    if (!n_kept) return tl::unexpected(n_kept.error());
    report.n_kept = *n_kept;
    return report;
}

Result<int64_t> size_of(Database& database) {
    const auto pages = database.query_integer("PRAGMA page_count");
    if (!pages) return pages;
    const auto page = database.query_integer("PRAGMA page_size");
    if (!page) return page;
    return *pages * *page;
}

}  // namespace

Result<CutReport> cut_ledger(const fs::path& ledger, const Retention& retention) {
    std::error_code none;
    if (!fs::exists(ledger, none))
        return refused(Errc::ledger_unavailable, ledger.string() + " is not there");
    {
        Options options;
        options.path = ledger;
        auto opened = Billing::open(options);  // ends what a crash left open, and anchors
        if (!opened) return tl::unexpected(opened.error());
    }
    auto lock = FileLock::take(beside(ledger, ".lock"));
    if (!lock) return tl::unexpected(lock.error());
    auto reader = Database::open(ledger, Database::Mode::read_only);
    if (!reader) return tl::unexpected(reader.error());
    const auto limits = read_limits(*reader, retention.before);
    if (!limits) return tl::unexpected(limits.error());
    const auto standing = choose(ledger, *limits);
    if (!standing) return tl::unexpected(standing.error());
    const auto pepper_check = read_pepper_check(*reader);
    if (!pepper_check) return tl::unexpected(pepper_check.error());
    *reader = Database();
    if (auto ok = copy_and_verify(ledger, retention.archive); !ok)
        return tl::unexpected(ok.error());
    auto file = LedgerFile::open(ledger, *pepper_check);
    if (!file) return tl::unexpected(file.error());
    const auto before = size_of((*file)->database());
    if (!before) return tl::unexpected(before.error());
    auto report = cut_at(**file, *standing, retention.archive);
    if (!report) return report;
    file->reset();  // its statements would keep VACUUM from running
    auto writer = Database::open(ledger, Database::Mode::read_write);
    if (!writer) return tl::unexpected(writer.error());
    if (auto ok = writer->execute("VACUUM"); !ok) return tl::unexpected(ok.error());
    const auto after = size_of(*writer);
    if (!after) return tl::unexpected(after.error());
    report->n_bytes_before = *before;
    report->n_bytes_after = *after;
    return report;
}

}  // namespace billing
