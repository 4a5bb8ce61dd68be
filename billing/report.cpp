#include "billing/report.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <unordered_map>

#include "billing/entry.h"
#include "billing/report_time.h"
#include "billing/schema.h"
#include "billing/sqlite.h"

namespace billing {
namespace {

enum class By : uint8_t { account, key, route, endpoint, model, outcome, day, hour, name, label };
constexpr std::array<std::string_view, 9> kByNames = {
    "account", "key", "route", "endpoint", "model", "outcome", "day", "hour", "name"};
constexpr std::string_view kLabelPrefix = "label:";
constexpr int64_t kOpen = -1;  // beside the numbers of outcomes

struct ByColumn {
    By by = By::account;
    std::string label = {};  // the name of a label
    friend bool operator==(const ByColumn&, const ByColumn&) = default;
};

// By the RESERVE rows of a range of seq: instants never go back along it, so that a span of time is
// one. The terminal entry comes through the index that keeps it unique.
constexpr const char* kRequestsSql =
    "SELECT r.at, r.account, r.key, r.route, t.endpoint, t.model, t.outcome, r.subject, t.amount, "
    "t.input_uncached, t.cache_read, t.cache_write, t.output_answer, t.output_reasoning "
    "FROM entries r NOT INDEXED CROSS JOIN entries t INDEXED BY terminal_once ON t.request = "
    "r.request "
    "WHERE r.seq >= ?1 AND r.seq < ?2 AND r.kind = 1 AND t.kind IN (2, 3)";

// Refunds, by their own instants, with what their requests are grouped by.
constexpr const char* kRefundsSql =
    "SELECT f.at, r.account, r.key, r.route, t.endpoint, t.model, t.outcome, r.subject, f.amount "
    "FROM entries f INDEXED BY refunds_of "
    "CROSS JOIN entries r INDEXED BY reserve_once ON r.request = f.request "
    "CROSS JOIN entries t INDEXED BY terminal_once ON t.request = f.request "
    "WHERE f.kind = 10 AND f.seq >= ?1 AND f.seq < ?2 AND r.kind = 1 AND t.kind IN (2, 3)";

// What attempts cost the operator, by the RESERVE rows of their requests; endpoint and model are
// those of the attempt.
constexpr const char* kAttemptsSql =
    "SELECT r.at, r.account, r.key, r.route, a.endpoint, a.model, t.outcome, r.subject, a.cost, "
    "a.upstream_input_uncached + a.upstream_cache_read + a.upstream_cache_write, "
    "a.upstream_output_answer + a.upstream_output_reasoning, "
    "a.input_uncached + a.cache_read + a.cache_write, a.output_answer + a.output_reasoning "
    "FROM entries r NOT INDEXED CROSS JOIN entries t INDEXED BY terminal_once ON t.request = "
    "r.request "
    "CROSS JOIN attempts l ON l.id = t.subject "
    "CROSS JOIN attempts a ON a.id > l.id - l.n AND a.id <= l.id "
    "WHERE r.seq >= ?1 AND r.seq < ?2 AND r.kind = 1 AND t.kind IN (2, 3)";

// What has not ended.
constexpr const char* kOpenSql =
    "SELECT r.at, r.account, r.key, r.route, 0, 0, -1, r.subject, r.amount "
    "FROM entries r NOT INDEXED WHERE r.seq >= ?1 AND r.seq < ?2 AND r.kind = 1 AND NOT EXISTS "
    "(SELECT 1 FROM entries t INDEXED BY terminal_once "
    "WHERE t.request = r.request AND t.kind IN (2, 3))";

// Requests, nano-dollars charged, refunded and spent by the operator, five token classes; open
// requests and nano-dollars held; tokens in and out as counted here and as upstreams said them.
using Figures = std::array<int64_t, 15>;

struct Sums {
    Figures values{};

    bool add(const Figures& more) {
        for (size_t i = 0; i < values.size(); ++i) {
            if (__builtin_add_overflow(values[i], more[i], &values[i])) return false;
        }
        return true;
    }
};
using Groups = std::map<std::vector<int64_t>, Sums>;

tl::unexpected<Error> bad_query(std::string detail) {
    return tl::unexpected(Error{Errc::query_invalid, std::move(detail)});
}

Result<std::vector<ByColumn>> parse_by(const std::vector<std::string>& names) {
    std::vector<ByColumn> columns;
    for (const std::string& name : names) {
        ByColumn column;
        const auto at = std::find(kByNames.begin(), kByNames.end(), name);
        if (at != kByNames.end()) {
            column.by = static_cast<By>(at - kByNames.begin());
        } else if (name.starts_with(kLabelPrefix) && name.size() > kLabelPrefix.size()) {
            column = {By::label, name.substr(kLabelPrefix.size())};
        } else {
            return bad_query(
                "no column \"" + name +
                "\"; there are account, key, name, label:NAME, route, endpoint, model, "
                "outcome, day, hour");
        }
        if (std::find(columns.begin(), columns.end(), column) != columns.end())
            return bad_query("column \"" + name + "\" is given twice");
        columns.push_back(std::move(column));
    }
    return columns;
}

// Of "a=1,b=2" what the name says; empty, if nothing.
std::string_view label_of(std::string_view labels, std::string_view name) {
    while (!labels.empty()) {
        const std::string_view label = labels.substr(0, labels.find(','));
        if (label.size() > name.size() && label.starts_with(name) && label[name.size()] == '=')
            return label.substr(name.size() + 1);
        labels.remove_prefix(std::min(labels.size(), label.size() + 1));
    }
    return {};
}

// What the numbers of rows say. Accounts go by the path that was written with each request.
class Texts {
public:
    static Result<Texts> load(Database& database) {
        Texts texts;
        auto accounts = database.prepare("SELECT id, name FROM accounts");
        if (!accounts) return tl::unexpected(accounts.error());
        Statement::Step step;
        while ((step = accounts->step()) == Statement::Step::row)
            texts.by_account_[accounts->integer(0)] = {
                texts.intern(accounts->text(1)), kNone, {}, accounts->integer(0)};
        if (step == Statement::Step::failed) return tl::unexpected(database.error("read accounts"));
        auto names = database.prepare("SELECT id, text FROM names");
        if (!names) return tl::unexpected(names.error());
        while ((step = names->step()) == Statement::Step::row)
            texts.names_.emplace(names->integer(0), names->text(1));
        if (step == Statement::Step::failed) return tl::unexpected(database.error("read names"));
        auto rows = database.prepare("SELECT id, path, label, labels, account FROM attributions");
        if (!rows) return tl::unexpected(rows.error());
        while ((step = rows->step()) == Statement::Step::row) {
            texts.by_attribution_[rows->integer(0)] = {
                texts.intern(rows->text(1)), texts.intern(rows->text(2)),
                std::string(rows->text(3)), rows->integer(4)};
        }
        if (step == Statement::Step::failed)
            return tl::unexpected(database.error("read attributions"));
        return texts;
    }

    // A number for the path in an attribution; of an entry without one, for the account's name.
    int64_t path_of(int64_t account, int64_t attribution) const {
        const auto& owners = attribution != 0 ? by_attribution_ : by_account_;
        const auto at = owners.find(attribution != 0 ? attribution : account);
        return at == owners.end() ? kNone : at->second.path;
    }

    // For the key's name then.
    int64_t key_name_of(int64_t attribution) const {
        const auto at = by_attribution_.find(attribution);
        return at == by_attribution_.end() ? kNone : at->second.key_name;
    }

    // For what the label `name` said then.
    int64_t label_of_row(int64_t attribution, const std::string& name) {
        const auto at = by_attribution_.find(attribution);
        return at == by_attribution_.end() ? kNone : intern(label_of(at->second.labels, name));
    }

    // Does the query ask for requests of this account and attribution?
    bool is_asked_for(const ReportQuery& query, int64_t account, int64_t attribution) const {
        if (query.account.empty() && query.accounts.empty()) return true;
        const auto& owners = attribution != 0 ? by_attribution_ : by_account_;
        const auto at = owners.find(attribution != 0 ? attribution : account);
        if (at == owners.end()) return false;
        if (!query.accounts.empty() && !query.accounts.contains(at->second.account)) return false;
        const std::string& path = pool_[static_cast<size_t>(at->second.path)];
        const size_t n = query.account.size();
        return n == 0 || (path.starts_with(query.account) && (path.size() == n || path[n] == '/'));
    }

    std::string text(By column, int64_t value) const {
        switch (column) {
            case By::account:
            case By::name:
            case By::label:
                return value < 0 ? "" : pool_[static_cast<size_t>(value)];
            case By::route:
            case By::endpoint:
            case By::model:
                return value == 0 ? "" : name(value);
            case By::key:
                return std::to_string(value);
            case By::outcome:
                return value == kOpen ? "open"
                                      : std::string(to_string(static_cast<Outcome>(value)));
            case By::day:
                return Zone::day_text(value);
            case By::hour:
                return Zone::hour_text(value);
        }
        return {};
    }

private:
    static constexpr int64_t kNone = -1;
    struct Owner {
        int64_t path = kNone, key_name = kNone;
        std::string labels;
        int64_t account = 0;
    };

    std::string name(int64_t id) const {
        const auto at = names_.find(id);
        return at == names_.end() ? std::to_string(id) : at->second;
    }
    int64_t intern(std::string_view text) {
        const auto [at, is_new] = numbers_.try_emplace(std::string(text), pool_.size());
        if (is_new) pool_.emplace_back(text);
        return static_cast<int64_t>(at->second);
    }

    std::vector<std::string> pool_;
    std::unordered_map<std::string, size_t> numbers_;
    std::unordered_map<int64_t, Owner> by_account_, by_attribution_;
    std::map<int64_t, std::string> names_;
};

int64_t group_value(const Statement& row, const ByColumn& column, Texts& texts, Zone& zone) {
    const UnixMillis at{row.integer(0)};
    switch (column.by) {
        case By::account:
            return texts.path_of(row.integer(1), row.integer(7));
        case By::key:
            return row.integer(2);
        case By::route:
            return row.integer(3);
        case By::endpoint:
            return row.integer(4);
        case By::model:
            return row.integer(5);
        case By::outcome:
            return row.integer(6);
        case By::day:
            return zone.day(at);
        case By::hour:
            return zone.hour(at);
        case By::name:
            return texts.key_name_of(row.integer(7));
        case By::label:
            return texts.label_of_row(row.integer(7), column.label);
    }
    return 0;
}

Figures request_figures(const Statement& row) {
    Figures values = {1, row.integer(8)};
    for (int i = 0; i < 5; ++i) values[static_cast<size_t>(i) + 4] = row.integer(9 + i);
    return values;
}

Figures refund_figures(const Statement& row) {
    return {0, 0, row.integer(8)};
}

Figures attempt_figures(const Statement& row) {
    Figures values = {0, 0, 0, row.integer(8)};
    if (row.is_null(9)) return values;  // the upstream said no counts
    for (int i = 0; i < 2; ++i) {
        values[static_cast<size_t>(i) + 11] = row.integer(11 + i);
        values[static_cast<size_t>(i) + 13] = row.integer(9 + i);
    }
    return values;
}

Figures open_figures(const Statement& row) {
    return {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, row.integer(8)};
}

struct Range {
    int64_t begin, end;  // of seq
};

Result<Range> range_of(Database& database, const ReportQuery& query) {
    Range range{1, std::numeric_limits<int64_t>::max()};
    struct {
        const std::optional<UnixMillis>& at;
        int64_t& seq;
    } const bounds[] = {{query.from, range.begin}, {query.to, range.end}};
    for (const auto& bound : bounds) {
        if (!bound.at) continue;
        const auto seq = first_seq_at(database, *bound.at);
        if (!seq) return tl::unexpected(seq.error());
        bound.seq = *seq;
    }
    return range;
}

Result<Groups> sum_up(Database& database, const ReportQuery& query, const std::vector<ByColumn>& by,
                      Texts& texts, Zone zone) {
    const auto range = range_of(database, query);
    if (!range) return tl::unexpected(range.error());
    Groups groups;
    if (by.empty()) groups.emplace();  // the total is there even of nothing
    std::vector<int64_t> group(by.size());
    struct {
        const char* sql;
        Figures (*figures)(const Statement& row);
    } const sources[] = {{kRequestsSql, request_figures},
                         {kRefundsSql, refund_figures},
                         {kAttemptsSql, attempt_figures},
                         {kOpenSql, open_figures}};
    for (const auto& source : sources) {
        auto rows = database.prepare(source.sql);
        if (!rows) return tl::unexpected(rows.error());
        rows->bind(1, range->begin);
        rows->bind(2, range->end);
        Statement::Step step;
        while ((step = rows->step()) == Statement::Step::row) {
            if (!texts.is_asked_for(query, rows->integer(1), rows->integer(7))) continue;
            for (size_t i = 0; i < by.size(); ++i)
                group[i] = group_value(*rows, by[i], texts, zone);
            if (!groups[group].add(source.figures(*rows))) {
                return tl::unexpected(
                    Error{Errc::ledger_broken, "a sum is above what 64 bits hold"});
            }
        }
        if (step == Statement::Step::failed)
            return tl::unexpected(database.error("read the entries"));
    }
    return groups;
}

}  // namespace

Result<int64_t> first_seq_at(Database& database, UnixMillis at) {
    const auto n_entries = database.query_integer("SELECT coalesce(max(seq), 0) FROM entries");
    if (!n_entries) return tl::unexpected(n_entries.error());
    auto row = database.prepare("SELECT at FROM entries WHERE seq = ?");
    if (!row) return tl::unexpected(row.error());
    int64_t low = 1;
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
    auto texts = Texts::load(database);
    if (!texts) return tl::unexpected(texts.error());
    const auto groups = sum_up(database, query, *by, *texts, *zone);
    if (!groups) return tl::unexpected(groups.error());

    // Ordered by text, but keys by number, and time as it goes.
    std::map<std::vector<std::pair<int64_t, std::string>>, ReportRow> ordered;
    for (const auto& [group, sums] : *groups) {
        std::vector<std::pair<int64_t, std::string>> order;
        ReportRow row;
        for (size_t i = 0; i < by->size(); ++i) {
            const By column = (*by)[i].by;
            row.by.push_back(texts->text(column, group[i]));
            const bool by_number = column == By::key || column == By::day || column == By::hour;
            order.emplace_back(by_number ? group[i] : 0, row.by.back());
        }
        const auto& values = sums.values;
        row.n_requests = values[0];
        row.usd = {values[1]};
        row.refunded_usd = {values[2]};
        row.operator_usd = {values[3]};
        row.tokens = {values[4], values[5], values[6], values[7], values[8]};
        row.n_open = values[9];
        row.held_usd = {values[10]};
        row.counted_input = values[11];
        row.counted_output = values[12];
        row.upstream_input = values[13];
        row.upstream_output = values[14];
        ordered.emplace(std::move(order), std::move(row));
    }
    std::vector<ReportRow> rows;
    for (auto& [order, row] : ordered) rows.push_back(std::move(row));
    return rows;
}

}  // namespace billing
