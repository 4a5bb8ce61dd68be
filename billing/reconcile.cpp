#include "billing/reconcile.h"

#include <algorithm>
#include <map>

#include "billing/cut.h"
#include "billing/schema.h"
#include "billing/sqlite.h"

namespace billing {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr Atto kMillion = 1'000'000;
constexpr Atto kAttoPerNano = 1'000'000'000;

// With the counts that its cost is of: the upstream's, cut to zero from below, if it said them.
constexpr const char* kBilledSql =
    "SELECT a.request, a.n, a.started, m.text, e.text, a.outcome, a.cost, "
    "coalesce(a.upstream_request, ''), "
    "max(0, iif(a.source = 1, coalesce(a.upstream_input_uncached, a.input_uncached), "
    "a.input_uncached)), "
    "max(0, iif(a.source = 1, coalesce(a.upstream_cache_read, a.cache_read), "
    "a.cache_read)), "
    "max(0, iif(a.source = 1, coalesce(a.upstream_cache_write, a.cache_write), "
    "a.cache_write)), "
    "max(0, iif(a.source = 1, coalesce(a.upstream_output_answer, a.output_answer), "
    "a.output_answer)), "
    "max(0, iif(a.source = 1, coalesce(a.upstream_output_reasoning, a.output_reasoning), "
    "a.output_reasoning)) "
    "FROM attempts a JOIN names m ON m.id = a.model JOIN names e ON e.id = a.endpoint "
    "WHERE a.started >= ?1 AND a.started < ?2 ORDER BY a.id";
static_assert(static_cast<int>(CountSource::upstream) == 1);

struct LedgerAttempt {
    BilledAttempt id;
    int64_t day = 0;
    std::string model, upstream_request;
    BillFigures figures{};
    bool is_failed = false;
    // Did the vendor do something for it?
    bool has_usage() const {
        return figures[figure_index(BillColumn::usd)] != 0 ||
               figures[figure_index(BillColumn::input)] != 0 ||
               figures[figure_index(BillColumn::output)] != 0;
    }
};

int64_t floor_day(int64_t ms) {
    return ms >= 0 ? ms / kDayMs : -((kDayMs - 1 - ms) / kDayMs);
}

LedgerAttempt read_attempt(const Statement& row, int64_t offset_s) {
    LedgerAttempt attempt;
    attempt.id = {{row.integer(0)}, row.integer(1)};
    attempt.day = floor_day(row.integer(2) + offset_s * 1'000);
    attempt.model = row.text(3);
    attempt.is_failed = static_cast<AttemptOutcome>(row.integer(5)) != AttemptOutcome::complete;
    attempt.upstream_request = row.text(7);
    auto& figures = attempt.figures;
    const auto set = [&](BillColumn column, Atto value) { figures[figure_index(column)] = value; };
    const Atto tokens[] = {row.integer(8), row.integer(9), row.integer(10), row.integer(11),
                           row.integer(12)};
    set(BillColumn::input, tokens[0] + tokens[1] + tokens[2]);
    set(BillColumn::input_uncached, tokens[0]);
    set(BillColumn::cache_read, tokens[1]);
    set(BillColumn::cache_write, tokens[2]);
    set(BillColumn::output, tokens[3] + tokens[4]);
    set(BillColumn::usd, Atto{row.integer(6)} * kAttoPerNano);
    // A vendor counts what it answered; a connection that failed is no request to it.
    set(BillColumn::requests, attempt.has_usage() || !attempt.is_failed ? 1 : 0);
    return attempt;
}

void add(BillFigures& into, const BillFigures& more) {
    for (size_t i = 0; i < into.size(); ++i) into[i] += more[i];
}

class Reconciler {
public:
    Reconciler(const Bill& bill, const ReconcileQuery& query) : bill_(bill), query_(query) {
        found_.profile = bill.profile;
        found_.states = bill.states;
        found_.offset_s = bill.offset_s;
        by_id_ = bill.states.contains(BillColumn::request_id);
        const auto [first, last] = std::ranges::minmax_element(bill.lines, {}, &BillLine::day);
        found_.from = query.from.value_or(first->day);
        found_.to = query.to.value_or(last->day + 1);
    }

    Result<void> read_ledger(Database& database) {
        // By id a request is found also where the two clocks put it on different days.
        const int64_t margin = by_id_ ? 1 : 0;
        const UnixMillis from{(found_.from - margin) * kDayMs - bill_.offset_s * 1'000};
        if (auto ok = check_is_kept(database, from, "this bill"); !ok) return ok;
        auto rows = database.prepare(kBilledSql);
        if (!rows) return tl::unexpected(rows.error());
        rows->bind(1, from.ms);
        rows->bind(2, (found_.to + margin) * kDayMs - bill_.offset_s * 1'000);
        Statement::Step step;
        while ((step = rows->step()) == Statement::Step::row) {
            if (query_.endpoints.contains(std::string(rows->text(4))))
                add_attempt(read_attempt(*rows, bill_.offset_s));
        }
        if (step == Statement::Step::failed)
            return tl::unexpected(database.error("read the attempts"));
        return {};
    }

    void read_bill() {
        for (const BillLine& line : bill_.lines) {
            if (line.day < found_.from || line.day >= found_.to) continue;
            Comparison& group = group_of(line.day, line.model);
            add(group.bill, line.figures);
            group.lines.push_back(line.line);
            if (!by_id_) continue;
            Comparison& request = request_of(line.request_id, line.day, line.model);
            add(request.bill, line.figures);
            request.lines.push_back(line.line);
        }
    }

    Reconciliation finish() {
        for (auto& [key, group] : groups_) {
            group.differs = differ(group);
            if (group.differs) found_.agrees = false;
            found_.groups.push_back(std::move(group));
        }
        for (auto& [id, request] : requests_) {
            request.differs = is_wrong(request);
            if (!request.differs) continue;
            found_.agrees = false;
            found_.requests.push_back(std::move(request));
        }
        if (!found_.without_id.empty()) found_.agrees = false;
        return std::move(found_);
    }

private:
    Comparison& group_of(int64_t day, const std::string& model) {
        Comparison& group = groups_[{day, model}];
        group.day = day;
        group.model = model;
        return group;
    }
    Comparison& request_of(const std::string& id, int64_t day, const std::string& model) {
        const auto [at, is_new] = requests_.try_emplace(id);
        if (is_new) {
            at->second.day = day;
            at->second.model = model;
            at->second.request_id = id.empty() ? "(none)" : id;
        }
        return at->second;
    }

    void add_attempt(const LedgerAttempt& attempt) {
        const bool is_inside = attempt.day >= found_.from && attempt.day < found_.to;
        if (is_inside) {
            Comparison& group = group_of(attempt.day, attempt.model);
            add(group.ledger, attempt.figures);
            ++group.n_attempts;
            group.n_failed += attempt.is_failed ? 1 : 0;
        }
        if (!by_id_) return;
        if (attempt.upstream_request.empty()) {
            if (is_inside && attempt.has_usage()) found_.without_id.push_back(attempt.id);
            return;
        }
        Comparison& request = request_of(attempt.upstream_request, attempt.day, attempt.model);
        add(request.ledger, attempt.figures);
        request.attempts.push_back(attempt.id);
        ++request.n_attempts;
        request.n_failed += attempt.is_failed ? 1 : 0;
        if (is_inside && attempt.figures[figure_index(BillColumn::requests)] != 0)
            is_due_.insert(attempt.upstream_request);
    }

    // Of a request: one that is on both sides, or should be.
    bool is_wrong(const Comparison& request) const {
        if (request.lines.empty()) return is_due_.contains(request.request_id);
        return request.attempts.empty() || request.lines.size() > 1 || differ(request);
    }

    bool differ(const Comparison& both) const {
        for (const BillColumn column : bill_.states) {
            if (column == BillColumn::request_id) continue;
            const Atto a = both.bill[figure_index(column)];
            const Atto b = both.ledger[figure_index(column)];
            const Atto apart = a > b ? a - b : b - a;
            const Atto larger = std::max(a > 0 ? a : -a, b > 0 ? b : -b);
            Atto allowed = larger / kMillion * query_.tolerance_ppm +
                           larger % kMillion * query_.tolerance_ppm / kMillion;
            if (column == BillColumn::usd) {
                allowed += Atto{query_.tolerance_usd.n} * kAttoPerNano +
                           both.n_attempts * (kAttoPerNano / 2);
            }
            if (apart > allowed) return true;
        }
        return false;
    }

    const Bill& bill_;
    const ReconcileQuery& query_;
    bool by_id_ = false;
    Reconciliation found_;
    std::map<std::pair<int64_t, std::string>, Comparison> groups_;
    std::map<std::string, Comparison> requests_;
    std::set<std::string> is_due_;  // ids that the bill should have
};

}  // namespace

Result<Reconciliation> reconcile(const std::filesystem::path& ledger, const Bill& bill,
                                 const ReconcileQuery& query) {
    if (bill.lines.empty())
        return tl::unexpected(Error{Errc::query_invalid, "the bill has no lines"});
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok)
        return tl::unexpected(ok.error());  // one snapshot
    if (auto ok = check_schema(*database); !ok) return tl::unexpected(ok.error());
    Reconciler reconciler(bill, query);
    if (auto ok = reconciler.read_ledger(*database); !ok) return tl::unexpected(ok.error());
    reconciler.read_bill();
    return reconciler.finish();
}

}  // namespace billing
