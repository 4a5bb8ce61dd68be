#include "billing/report.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "billing/cut.h"
#include "billing/report_texts.h"
#include "billing/report_time.h"
#include "billing/rollup.h"
#include "billing/schema.h"

namespace billing {
namespace {

tl::unexpected<Error> bad_query(std::string detail) {
    return tl::unexpected(Error{Errc::query_invalid, std::move(detail)});
}

struct GroupHash {
    size_t operator()(const std::vector<int64_t>& group) const {
        uint64_t hash = 0xcbf29ce484222325;  // FNV-1a over 64 bits at a time, and a last mixing
        for (const int64_t part : group)
            hash = (hash ^ static_cast<uint64_t>(part)) * 0x100000001b3;
        return hash ^ hash >> 29;
    }
};
using Groups = std::unordered_map<std::vector<int64_t>, Figures, GroupHash>;

// Sums usage into the groups that the query asks for.
class Summing {
public:
    Summing(const ReportQuery& query, const std::vector<ByColumn>& by, ReportTexts& texts,
            Zone zone)
        : query_(query), by_(by), texts_(texts), zone_(zone), group_(by.size()) {
        if (by.empty()) groups_.emplace();  // the total is there even of nothing
    }

    // False: a sum has become too large.
    bool add(UnixMillis at, const UsageKey& key, const Figures& figures) {
        if (!texts_.is_asked_for(query_, key)) return true;
        for (size_t i = 0; i < by_.size(); ++i) {
            switch (by_[i].by) {
                case By::day:
                    group_[i] = zone_.day(at);
                    break;
                case By::hour:
                    group_[i] = zone_.hour(at);
                    break;
                default:
                    group_[i] = texts_.number(by_[i], key);
            }
        }
        fits_ = groups_[group_].add(figures) && fits_;
        return fits_;
    }

    bool fits() const { return fits_; }
    const Groups& groups() const { return groups_; }

private:
    const ReportQuery& query_;
    const std::vector<ByColumn>& by_;
    ReportTexts& texts_;
    Zone zone_;
    Groups groups_;
    std::vector<int64_t> group_;
    bool fits_ = true;
};

// Half open.
struct Span {
    UnixMillis from, to;
    bool contains(UnixMillis at) const { return from.ms <= at.ms && at.ms < to.ms; }
};
constexpr Span kAlways{{std::numeric_limits<int64_t>::min()},
                       {std::numeric_limits<int64_t>::max()}};

// A span as whole quarters, and what is left of it before and behind them.
struct SpanParts {
    int64_t first_quarter, last_quarter;  // inclusive; first > last: none
    std::vector<Span> edges;
};

SpanParts parts_of(const Span& span) {
    SpanParts parts{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), {}};
    Span head{span.from, span.from};
    Span tail{span.to, span.to};
    if (span.from.ms != kAlways.from.ms) {
        parts.first_quarter = quarter_of({span.from.ms + kQuarterMs - 1});
        head.to = {parts.first_quarter * kQuarterMs};
    }
    if (span.to.ms != kAlways.to.ms) {
        parts.last_quarter = quarter_of(span.to) - 1;
        tail.from = {(parts.last_quarter + 1) * kQuarterMs};
    }
    if (parts.first_quarter > parts.last_quarter) {
        parts.edges = {span};
        return parts;
    }
    for (const Span& edge : {head, tail})
        if (edge.from.ms < edge.to.ms) parts.edges.push_back(edge);
    return parts;
}

Result<SeqRange> range_of(Database& database, const Span& span) {
    SeqRange range{1, std::numeric_limits<int64_t>::max()};
    struct {
        UnixMillis at;
        UnixMillis none;
        int64_t& seq;
    } const bounds[] = {{span.from, kAlways.from, range.first}, {span.to, kAlways.to, range.end}};
    for (const auto& bound : bounds) {
        if (bound.at == bound.none) continue;
        const auto seq = first_seq_at(database, bound.at);
        if (!seq) return tl::unexpected(seq.error());
        bound.seq = *seq;
    }
    return range;
}

// What ended up to the last roll-up: whole quarters from the roll-ups, the rest from entries.
Result<void> sum_up_covered(Database& database, const Span& span, int64_t end, Summing& summing) {
    if (end == 1) return {};
    const SpanParts parts = parts_of(span);
    if (parts.first_quarter <= parts.last_quarter) {
        auto visited = visit_rollups(
            database, parts.first_quarter, parts.last_quarter, [&](const RollupCells::Cell& cell) {
                return summing.add({cell.quarter * kQuarterMs}, cell.key, cell.figures);
            });
        if (!visited) return visited;
    }
    for (const Span& edge : parts.edges) {
        const auto kept = check_is_kept(
            database, edge.from, "a span that does not begin and end with a quarter hour of UTC");
        if (!kept) return kept;
        const auto range = range_of(database, edge);
        if (!range) return tl::unexpected(range.error());
        auto visited = visit_reserved(database, *range, end, [&](const UsageRow& row) {
            return summing.add(row.at, row.key, row.figures);
        });
        if (!visited) return visited;
    }
    return {};
}

// What ended behind it, and what has not ended.
Result<void> sum_up_tail(Database& database, const Span& span, const RollupEnd& covered,
                         Summing& summing) {
    const auto add = [&](const UsageRow& row) {
        return !span.contains(row.at) || summing.add(row.at, row.key, row.figures);
    };
    const auto range = range_of(database, span);
    if (!range) return tl::unexpected(range.error());
    constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
    // Without roll-ups the requests of the span are fewer than all that have ended.
    auto ended = covered.end == 1 ? visit_reserved(database, *range, kAll, add)
                                  : visit_ended(database, {covered.end, kAll}, add);
    if (!ended) return ended;
    return visit_open(database, {std::max(range->first, covered.open_from), range->end}, add);
}

ReportRow row_of(const Figures& figures) {
    ReportRow row;
    row.n_requests = figures[Figure::requests];
    row.usd = {figures[Figure::usd]};
    row.refunded_usd = {figures[Figure::refunded_usd]};
    row.operator_usd = {figures[Figure::operator_usd]};
    row.tokens = {figures[Figure::input_uncached], figures[Figure::cache_read],
                  figures[Figure::cache_write], figures[Figure::output_answer],
                  figures[Figure::output_reasoning]};
    row.n_open = figures[Figure::open];
    row.held_usd = {figures[Figure::held_usd]};
    row.counted_input = figures[Figure::counted_input];
    row.counted_output = figures[Figure::counted_output];
    row.upstream_input = figures[Figure::upstream_input];
    row.upstream_output = figures[Figure::upstream_output];
    return row;
}

// The numbers of one column that occur, in the order of their texts; keys by number, and time as it
// goes.
struct Ranks {
    std::unordered_map<int64_t, size_t> rank;
    std::vector<std::string> texts;  // by rank

    Ranks(const Groups& groups, size_t column, By by, const ReportTexts& report_texts) {
        for (const auto& [group, figures] : groups) rank.emplace(group[column], 0);
        std::vector<std::pair<std::string, int64_t>> order;
        for (const auto& [number, unused] : rank)
            order.emplace_back(report_texts.text(by, number), number);
        const bool by_number = by == By::key || by == By::day || by == By::hour;
        std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
            return by_number ? a.second < b.second : a < b;
        });
        for (size_t i = 0; i < order.size(); ++i) rank[order[i].second] = i;
        for (auto& [text, number] : order) texts.push_back(std::move(text));
    }
};

std::vector<ReportRow> in_order(const Groups& groups, const std::vector<ByColumn>& by,
                                const ReportTexts& texts) {
    std::vector<Ranks> columns;
    for (size_t i = 0; i < by.size(); ++i) columns.emplace_back(groups, i, by[i].by, texts);
    std::vector<std::pair<std::vector<size_t>, const Figures*>> order;
    order.reserve(groups.size());
    for (const auto& [group, figures] : groups) {
        std::vector<size_t> ranks;
        for (size_t i = 0; i < by.size(); ++i) ranks.push_back(columns[i].rank.at(group[i]));
        order.emplace_back(std::move(ranks), &figures);
    }
    std::sort(order.begin(), order.end());
    std::vector<ReportRow> rows;
    rows.reserve(order.size());
    for (const auto& [ranks, figures] : order) {
        ReportRow& row = rows.emplace_back(row_of(*figures));
        for (size_t i = 0; i < by.size(); ++i) row.by.push_back(columns[i].texts[ranks[i]]);
    }
    return rows;
}

}  // namespace

Result<int64_t> first_seq_at(Database& database, UnixMillis at) {
    const auto n_entries = database.query_integer("SELECT coalesce(max(seq), 0) FROM entries");
    if (!n_entries) return tl::unexpected(n_entries.error());
    const auto n_cut = database.query_integer("SELECT coalesce(max(seq), 0) FROM cuts");
    if (!n_cut) return tl::unexpected(n_cut.error());
    auto row = database.prepare("SELECT at FROM entries WHERE seq = ?");
    if (!row) return tl::unexpected(row.error());
    int64_t low = *n_cut + 1;
    int64_t high = *n_entries + 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        row->bind(1, middle);
        if (row->step() != Statement::Step::row) {
            return tl::unexpected(
                Error{Errc::ledger_broken, "entry " + std::to_string(middle) + " is missing"});
        }
        if (row->integer(0) < at.ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
        row->reset();
    }
    return low;
}

Result<std::vector<ReportRow>> report(const std::filesystem::path& ledger,
                                      const ReportQuery& query) {
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok)
        return tl::unexpected(ok.error());  // one snapshot
    if (auto ok = check_schema(*database); !ok) return tl::unexpected(ok.error());
    return report(*database, query);
}

Result<std::vector<ReportRow>> report(Database& database, const ReportQuery& query) {
    const auto by = parse_by(query.by);
    if (!by) return tl::unexpected(by.error());
    const auto zone = Zone::find(query.time_zone);
    if (!zone) return tl::unexpected(zone.error());
    if (query.from && query.to && *query.from > *query.to) return bad_query("from lies after to");
    auto texts = ReportTexts::load(database);
    if (!texts) return tl::unexpected(texts.error());
    const auto covered = rollups_end(database);
    if (!covered) return tl::unexpected(covered.error());
    const Span span{query.from.value_or(kAlways.from), query.to.value_or(kAlways.to)};
    Summing summing(query, *by, *texts, *zone);
    if (auto ok = sum_up_covered(database, span, covered->end, summing); !ok)
        return tl::unexpected(ok.error());
    if (auto ok = sum_up_tail(database, span, *covered, summing); !ok)
        return tl::unexpected(ok.error());
    if (!summing.fits())
        return tl::unexpected(Error{Errc::ledger_broken, "a sum is above what 64 bits hold"});
    return in_order(summing.groups(), *by, *texts);
}

}  // namespace billing
