#include "billing/usage_rows.h"

#include <string>

namespace billing {
namespace {

constexpr int kFirstFigure = 8;  // columns before it: the instant and the key

// By the RESERVE rows of a range of seq: instants never go back along it, so that a span of time is
// one. The terminal entry comes through the index that keeps it unique.
constexpr const char* kReserved =
    " FROM entries r NOT INDEXED CROSS JOIN entries t INDEXED BY terminal_once ON t.request = "
    "r.request ";
constexpr const char* kReservedWhere =
    " WHERE r.seq >= ?1 AND r.seq < ?2 AND t.seq < ?3 AND r.kind = 1 AND t.kind IN (2, 3)";

constexpr const char* kEnded =
    " FROM entries t NOT INDEXED CROSS JOIN entries r INDEXED BY reserve_once ON r.request = "
    "t.request ";
constexpr const char* kEndedWhere =
    " WHERE t.seq >= ?1 AND t.seq < ?2 AND t.kind IN (2, 3) AND r.kind = 1";

constexpr const char* kRequestColumns =
    "SELECT r.at, r.account, r.key, r.route, t.endpoint, t.model, t.outcome, r.subject, t.amount, "
    "t.input_uncached, t.cache_read, t.cache_write, t.output_answer, t.output_reasoning";

Figures request_figures(const Statement& row) {
    Figures figures;
    figures[Figure::requests] = 1;
    figures[Figure::usd] = row.integer(kFirstFigure);
    figures[Figure::input_uncached] = row.integer(kFirstFigure + 1);
    figures[Figure::cache_read] = row.integer(kFirstFigure + 2);
    figures[Figure::cache_write] = row.integer(kFirstFigure + 3);
    figures[Figure::output_answer] = row.integer(kFirstFigure + 4);
    figures[Figure::output_reasoning] = row.integer(kFirstFigure + 5);
    return figures;
}

// Endpoint and model are those of the attempt.
constexpr const char* kAttemptColumns =
    "SELECT r.at, r.account, r.key, r.route, a.endpoint, a.model, t.outcome, r.subject, a.cost, "
    "a.upstream_input_uncached + a.upstream_cache_read + a.upstream_cache_write, "
    "a.upstream_output_answer + a.upstream_output_reasoning, "
    "a.input_uncached + a.cache_read + a.cache_write, a.output_answer + a.output_reasoning";
constexpr const char* kAttemptJoins =
    " CROSS JOIN attempts l ON l.id = t.subject "
    "CROSS JOIN attempts a ON a.id > l.id - l.n AND a.id <= l.id ";

Figures attempt_figures(const Statement& row) {
    Figures figures;
    figures[Figure::operator_usd] = row.integer(kFirstFigure);
    if (row.is_null(kFirstFigure + 1)) return figures;  // the upstream said no counts
    figures[Figure::upstream_input] = row.integer(kFirstFigure + 1);
    figures[Figure::upstream_output] = row.integer(kFirstFigure + 2);
    figures[Figure::counted_input] = row.integer(kFirstFigure + 3);
    figures[Figure::counted_output] = row.integer(kFirstFigure + 4);
    return figures;
}

// By their own instants, with what their requests are grouped by.
constexpr const char* kRefunds =
    "SELECT f.at, r.account, r.key, r.route, t.endpoint, t.model, t.outcome, r.subject, f.amount "
    "FROM entries f INDEXED BY refunds_of "
    "CROSS JOIN entries r INDEXED BY reserve_once ON r.request = f.request "
    "CROSS JOIN entries t INDEXED BY terminal_once ON t.request = f.request "
    "WHERE f.kind = 10 AND f.seq >= ?1 AND f.seq < ?2 AND r.kind = 1 AND t.kind IN (2, 3)";
constexpr const char* kRefundsBefore = " AND f.seq < ?3";

Figures refund_figures(const Statement& row) {
    Figures figures;
    figures[Figure::refunded_usd] = row.integer(kFirstFigure);
    return figures;
}

constexpr const char* kOpen =
    "SELECT r.at, r.account, r.key, r.route, 0, 0, -1, r.subject, r.amount "
    "FROM entries r NOT INDEXED WHERE r.seq >= ?1 AND r.seq < ?2 AND r.kind = 1 AND NOT EXISTS "
    "(SELECT 1 FROM entries t INDEXED BY terminal_once "
    "WHERE t.request = r.request AND t.kind IN (2, 3))";

Figures open_figures(const Statement& row) {
    Figures figures;
    figures[Figure::open] = 1;
    figures[Figure::held_usd] = row.integer(kFirstFigure);
    return figures;
}

// The rows of a statement that is bound. False: the visitor had enough.
Result<bool> walk(Database& database, Statement& rows, Figures (*figures)(const Statement& row),
                  const UsageVisitor& visit) {
    Statement::Step step;
    while ((step = rows.step()) == Statement::Step::row) {
        const UsageKey key{rows.integer(7), rows.integer(1), rows.integer(2), rows.integer(3),
                           rows.integer(4), rows.integer(5), rows.integer(6)};
        if (!visit({{rows.integer(0)}, key, figures(rows)})) return false;
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read the entries"));
    return true;
}

struct Source {
    std::string sql;
    Figures (*figures)(const Statement& row);
};

Result<void> visit_sources(Database& database, std::initializer_list<Source> sources,
                           SeqRange range, const int64_t* ended_before, const UsageVisitor& visit) {
    for (const Source& source : sources) {
        auto rows = database.prepare(source.sql);
        if (!rows) return tl::unexpected(rows.error());
        rows->bind(1, range.first);
        rows->bind(2, range.end);
        if (ended_before != nullptr) rows->bind(3, *ended_before);
        const auto all = walk(database, *rows, source.figures, visit);
        if (!all) return tl::unexpected(all.error());
        if (!*all) break;
    }
    return {};
}

}  // namespace

Result<void> visit_reserved(Database& database, SeqRange range, int64_t ended_before,
                            const UsageVisitor& visit) {
    const std::string from = kReserved;
    return visit_sources(
        database,
        {{kRequestColumns + from + kReservedWhere, request_figures},
         {kAttemptColumns + from + kAttemptJoins + kReservedWhere, attempt_figures},
         {std::string(kRefunds) + kRefundsBefore, refund_figures}},
        range, &ended_before, visit);
}

Result<void> visit_ended(Database& database, SeqRange range, const UsageVisitor& visit) {
    const std::string from = kEnded;
    return visit_sources(database,
                         {{kRequestColumns + from + kEndedWhere, request_figures},
                          {kAttemptColumns + from + kAttemptJoins + kEndedWhere, attempt_figures},
                          {kRefunds, refund_figures}},
                         range, nullptr, visit);
}

Result<void> visit_open(Database& database, SeqRange range, const UsageVisitor& visit) {
    return visit_sources(database, {{kOpen, open_figures}}, range, nullptr, visit);
}

}  // namespace billing
