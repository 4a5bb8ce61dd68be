#include "billing/attempts.h"

#include <algorithm>
#include <array>

#include "billing/cost.h"

namespace billing {
namespace {

constexpr int64_t kRowsMax = 1'000;  // more have no request: not read, whatever a row says
constexpr const char* kColumns =
    "request, n, endpoint, model, price, started, ended, outcome, source, cost, "
    "input_uncached, cache_read, cache_write, output_answer, output_reasoning, "
    "upstream_input_uncached, upstream_cache_read, upstream_cache_write, upstream_output_answer, "
    "upstream_output_reasoning, upstream_request";
constexpr int kFirstTokens = 10;
constexpr int kFirstUpstreamTokens = 15;
constexpr int kUpstreamRequest = 20;

std::array<int64_t, kFirstTokens> scalars(const AttemptRow& row) {
    return {row.request,
            row.n,
            row.endpoint,
            row.model,
            row.price,
            row.started.ms,
            row.ended.ms,
            static_cast<int64_t>(row.outcome),
            static_cast<int64_t>(row.source),
            row.cost.n};
}

std::array<int64_t, 5> classes(const TokenCounts& tokens) {
    return {tokens.input_uncached, tokens.cache_read, tokens.cache_write, tokens.output_answer,
            tokens.output_reasoning};
}

TokenCounts read_tokens(const Statement& row, int first) {
    return {row.integer(first), row.integer(first + 1), row.integer(first + 2),
            row.integer(first + 3), row.integer(first + 4)};
}

// Nothing, if a value is none that insert() writes: another row could have the same image then.
std::optional<AttemptRow> read_row(const Statement& from) {
    const int64_t outcome = from.integer(7);
    const int64_t source = from.integer(8);
    const bool has_theirs = !from.is_null(kFirstUpstreamTokens);
    bool is_sound = outcome >= 0 && outcome <= UINT8_MAX && source >= 0 && source <= UINT8_MAX;
    for (int i = 0; i < 5; ++i)
        is_sound = is_sound && from.is_null(kFirstUpstreamTokens + i) != has_theirs;
    if (!from.is_null(kUpstreamRequest))
        is_sound = is_sound && !from.text(kUpstreamRequest).empty();
    if (!is_sound) return std::nullopt;
    AttemptRow row;
    row.request = from.integer(0);
    row.n = from.integer(1);
    row.endpoint = from.integer(2);
    row.model = from.integer(3);
    row.price = from.integer(4);
    row.started = {from.integer(5)};
    row.ended = {from.integer(6)};
    row.outcome = static_cast<AttemptOutcome>(outcome);
    row.source = static_cast<CountSource>(source);
    row.cost = {from.integer(9)};
    row.tokens = read_tokens(from, kFirstTokens);
    if (has_theirs) row.upstream_tokens = read_tokens(from, kFirstUpstreamTokens);
    row.upstream_request = from.text(kUpstreamRequest);
    return row;
}

TokenCounts from_zero(TokenCounts tokens) {
    for (int64_t* n : {&tokens.input_uncached, &tokens.cache_read, &tokens.cache_write,
                       &tokens.output_answer, &tokens.output_reasoning}) {
        *n = std::max<int64_t>(*n, 0);
    }
    return tokens;
}

}  // namespace

NanoUsd attempt_cost(const AttemptRow& row, const config::Tariff& tariff) {
    const bool is_theirs = row.source == CountSource::upstream && row.upstream_tokens;
    return cost(from_zero(is_theirs ? *row.upstream_tokens : row.tokens), without_markup(tariff));
}

void add_to(ContentImage& image, const Attempts& attempts) {
    for (const AttemptRow& row : attempts.rows) {
        for (const int64_t value : scalars(row)) image.add(value);
        for (const int64_t n : classes(row.tokens)) image.add(n);
        image.add(row.upstream_tokens ? 1 : 0);
        if (row.upstream_tokens) {
            for (const int64_t n : classes(*row.upstream_tokens)) image.add(n);
        }
        image.add(row.upstream_request);
    }
}

Result<AttemptTable> AttemptTable::prepare(Database& database) {
    std::string parameters = "?";
    for (int i = 0; i <= kUpstreamRequest; ++i) parameters += ",?";
    auto insert = database.prepare("INSERT INTO attempts(id, " + std::string(kColumns) +
                                   ") VALUES(" + parameters + ")");
    if (!insert) return tl::unexpected(insert.error());
    auto find = database.prepare("SELECT " + std::string(kColumns) + " FROM attempts WHERE id = ?");
    if (!find) return tl::unexpected(find.error());
    AttemptTable table;
    table.insert_ = std::move(*insert);
    table.find_ = std::move(*find);
    return table;
}

bool AttemptTable::insert(int64_t last_id, const Attempts& attempts) {
    int64_t id = last_id - static_cast<int64_t>(attempts.rows.size());
    for (const AttemptRow& row : attempts.rows) {
        int parameter = 1;
        insert_.bind(parameter++, ++id);
        for (const int64_t value : scalars(row)) insert_.bind(parameter++, value);
        for (const int64_t n : classes(row.tokens)) insert_.bind(parameter++, n);
        for (const int64_t n : classes(row.upstream_tokens.value_or(TokenCounts()))) {
            if (row.upstream_tokens) {
                insert_.bind(parameter++, n);
            } else {
                insert_.bind_null(parameter++);
            }
        }
        if (row.upstream_request.empty()) {
            insert_.bind_null(parameter);
        } else {
            insert_.bind(parameter, std::string_view(row.upstream_request));
        }
        if (!insert_.run()) return false;
    }
    return true;
}

std::optional<Attempts> AttemptTable::find(int64_t last_id) {
    auto last = find_row(last_id);
    if (!last || last->n < 1 || last->n > kRowsMax) return std::nullopt;
    Attempts attempts;
    for (int64_t id = last_id - last->n + 1; id < last_id; ++id) {
        auto row = find_row(id);
        if (!row) return std::nullopt;
        attempts.rows.push_back(std::move(*row));
    }
    attempts.rows.push_back(std::move(*last));
    return attempts;
}

std::optional<AttemptRow> AttemptTable::find_row(int64_t id) {
    find_.bind(1, id);
    std::optional<AttemptRow> found;
    if (find_.step() == Statement::Step::row) found = read_row(find_);
    find_.reset();
    return found;
}

}  // namespace billing
