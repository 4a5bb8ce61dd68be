#include "billing/request_view.h"

#include <algorithm>

#include "billing/api_key.h"
#include "billing/chain_walk.h"
#include "billing/cost.h"
#include "billing/cut.h"
#include "billing/entry_lookup.h"

namespace billing {
namespace {

std::vector<RequestView::Part> parts_of(const TokenCounts& tokens, const config::Tariff& tariff) {
    const CostParts costs = cost_parts(tokens, tariff);
    const config::LongContext& rule = tariff.long_context;
    const bool all_long =
        is_long(tokens, tariff) && rule.applies_to == config::LongContext::Reach::whole_request;
    const config::Rates& rates = all_long ? rule.rates : tariff.rates;
    return {{"input_uncached", tokens.input_uncached, rates.input, costs.input_uncached},
            {"cache_read", tokens.cache_read, rates.cache_read, costs.cache_read},
            {"cache_write", tokens.cache_write, rates.cache_write, costs.cache_write},
            {"output_answer", tokens.output_answer, rates.output, costs.output_answer},
            {"output_reasoning", tokens.output_reasoning, rates.reasoning, costs.output_reasoning}};
}

// Reads the rows that entries refer to.
class Words {
public:
    static Result<Words> prepare(Database& database) {
        auto tables = DefinitionTables::prepare(database);
        if (!tables) return tl::unexpected(tables.error());
        return Words(std::move(*tables));
    }

    template <class Row>
    Result<Row> row(const Entry& entry, Kind kind, int64_t id) {
        const auto found = tables_.find(kind, id);
        if (const auto* row = found ? std::get_if<Row>(&*found) : nullptr) return *row;
        return bad_entry(entry.get(Column::seq), "row " + std::to_string(id) + " of table " +
                                                     table_of(kind) + " is missing");
    }
    // Empty, if the entry names none.
    Result<std::string> name(const Entry& entry, Column column) {
        if (!entry.has(column)) return std::string();
        return name(entry, entry.get(column));
    }
    Result<std::string> name(const Entry& entry, int64_t id) {
        const auto found = row<NameRow>(entry, Kind::name, id);
        if (!found) return tl::unexpected(found.error());
        return found->text;
    }

private:
    explicit Words(DefinitionTables tables) : tables_(std::move(tables)) {}

    DefinitionTables tables_;
};

Result<RequestView::Ending> view_ending(Words& words, const Entry& entry) {
    RequestView::Ending ending;
    ending.entry = entry.get(Column::seq);
    ending.at = {entry.get(Column::at)};
    ending.is_settled = entry.is(Kind::settle);
    ending.outcome = static_cast<Outcome>(entry.get(Column::outcome));
    ending.flags = static_cast<uint32_t>(entry.get(Column::flags));
    if (!ending.is_settled) return ending;
    ending.charged = {entry.get(Column::amount)};
    ending.source = static_cast<CountSource>(entry.get(Column::source));
    auto endpoint = words.name(entry, Column::endpoint);
    if (!endpoint) return tl::unexpected(endpoint.error());
    auto model = words.name(entry, Column::model);
    if (!model) return tl::unexpected(model.error());
    const auto price = words.row<PriceRow>(entry, Kind::price, entry.get(Column::price));
    if (!price) return tl::unexpected(price.error());
    ending.endpoint = std::move(*endpoint);
    ending.model = std::move(*model);
    auto applied = to_price(*price);
    if (!applied) return bad_entry(ending.entry, "its price cannot be");
    ending.price = std::move(*applied);
    const TokenCounts tokens = entry.tokens(Column::input_uncached);
    ending.parts = parts_of(tokens, ending.price.tariff);
    ending.is_long = is_long(tokens, ending.price.tariff);
    if (entry.has(Column::upstream_input_uncached))
        ending.upstream_tokens = entry.tokens(Column::upstream_input_uncached);
    return ending;
}

Result<RequestView::AttemptView> view_attempt(Words& words, const Entry& ending,
                                              const AttemptRow& row) {
    auto endpoint = words.name(ending, row.endpoint);
    if (!endpoint) return tl::unexpected(endpoint.error());
    auto model = words.name(ending, row.model);
    if (!model) return tl::unexpected(model.error());
    auto price = words.row<PriceRow>(ending, Kind::price, row.price);
    if (!price) return tl::unexpected(price.error());
    return RequestView::AttemptView{std::move(*endpoint),
                                    std::move(*model),
                                    row.started,
                                    row.ended,
                                    row.outcome,
                                    row.source,
                                    row.tokens,
                                    row.upstream_tokens,
                                    std::move(price->name),
                                    row.cost,
                                    row.upstream_request};
}

Result<std::vector<RequestView::AttemptView>> view_attempts(Words& words, const Entry& ending) {
    std::vector<RequestView::AttemptView> attempts;
    if (!ending.has(Column::subject)) return attempts;
    const auto found = words.row<Attempts>(ending, Kind::settle, ending.get(Column::subject));
    if (!found) return tl::unexpected(found.error());
    for (const AttemptRow& row : found->rows) {
        auto attempt = view_attempt(words, ending, row);
        if (!attempt) return tl::unexpected(attempt.error());
        attempts.push_back(std::move(*attempt));
    }
    return attempts;
}

Result<std::vector<RequestView::RefundView>> view_refunds(Words& words, EntryLookup& lookup,
                                                          RequestId request) {
    const auto entries = lookup.refunds(request);
    if (!entries) return tl::unexpected(entries.error());
    std::vector<RequestView::RefundView> refunds;
    for (const Entry& entry : *entries) {
        auto row = words.row<RefundRow>(entry, Kind::refund, entry.get(Column::subject));
        if (!row) return tl::unexpected(row.error());
        refunds.push_back({entry.get(Column::seq),
                           {entry.get(Column::at)},
                           {entry.get(Column::amount)},
                           std::move(row->ref),
                           std::move(row->reason)});
    }
    return refunds;
}

Result<RequestView> view(Words& words, EntryLookup& lookup, RequestId request) {
    const auto reserve = lookup.reserve(request);
    if (!reserve) return tl::unexpected(reserve.error());
    if (!*reserve) return tl::unexpected(Error{Errc::request_unknown, {}});
    const Entry& entry = **reserve;
    RequestView found;
    found.request = request;
    found.entry = entry.get(Column::seq);
    found.at = {entry.get(Column::at)};
    found.account = {entry.get(Column::account)};
    found.key = {entry.get(Column::key)};
    found.held = {entry.get(Column::amount)};
    const auto account = words.row<AccountRow>(entry, Kind::account, found.account.n);
    if (!account) return tl::unexpected(account.error());
    const auto key = words.row<KeyRow>(entry, Kind::key, found.key.n);
    if (!key) return tl::unexpected(key.error());
    auto route = words.name(entry, Column::route);
    if (!route) return tl::unexpected(route.error());
    found.account_name = account->name;
    found.key_prefix = key->prefix;
    found.key_last4 = key->last4;
    if (entry.has(Column::subject)) {
        auto names =
            words.row<AttributionRow>(entry, Kind::attribution, entry.get(Column::subject));
        if (!names) return tl::unexpected(names.error());
        found.account_name = std::move(names->path);
        // Of a later secret the key's first characters are not those.
        if (names->last4 != key->last4) found.key_prefix = kKeyPrefix;
        found.key_last4 = std::move(names->last4);
        found.key_label = std::move(names->label);
        found.labels = std::move(names->labels);
    }
    found.route = std::move(*route);
    const auto end = lookup.ending(request);
    if (!end) return tl::unexpected(end.error());
    if (!*end) return found;
    auto ending = view_ending(words, **end);
    if (!ending) return tl::unexpected(ending.error());
    found.ending = std::move(*ending);
    auto attempts = view_attempts(words, **end);
    if (!attempts) return tl::unexpected(attempts.error());
    found.attempts = std::move(*attempts);
    auto refunds = view_refunds(words, lookup, request);
    if (!refunds) return tl::unexpected(refunds.error());
    found.refunds = std::move(*refunds);
    return found;
}

}  // namespace

Result<RequestView> find_request(const std::filesystem::path& ledger, RequestId request) {
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok) return tl::unexpected(ok.error());
    if (auto ok = check_schema(*database); !ok) return tl::unexpected(ok.error());
    auto words = Words::prepare(*database);
    if (!words) return tl::unexpected(words.error());
    auto lookup = EntryLookup::prepare(*database);
    if (!lookup) return tl::unexpected(lookup.error());
    auto found = view(*words, *lookup, request);
    if (found || found.error().code != Errc::request_unknown) return found;
    auto where = where_it_went(*database, request);
    if (!where) return tl::unexpected(where.error());
    return tl::unexpected(Error{Errc::request_unknown, std::move(*where)});
}

std::string flags_text(uint32_t flags) {
    const struct {
        Flag flag;
        const char* name;
    } names[] = {{flag_estimated, "estimated"},
                 {flag_usage_clamped, "usage_clamped"},
                 {flag_usage_zero, "usage_zero"},
                 {flag_recovered, "recovered"}};
    std::string text;
    for (const auto& each : names) {
        if ((flags & each.flag) != 0) text += (text.empty() ? "" : ", ") + std::string(each.name);
    }
    return text;
}

}  // namespace billing
