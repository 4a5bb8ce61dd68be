#include "billing/entry_lookup.h"

#include "billing/chain_walk.h"

namespace billing {
namespace {

Result<std::optional<Entry>> only(const Result<std::vector<Entry>>& entries) {
    if (!entries) return tl::unexpected(entries.error());
    if (entries->empty()) return std::optional<Entry>();
    return std::optional<Entry>(entries->front());
}

}  // namespace

Result<EntryLookup> EntryLookup::prepare(Database& database) {
    EntryLookup lookup(database);
    const std::string select = "SELECT " + entry_columns() + " FROM entries WHERE request = ? AND ";
    struct {
        Statement& statement;
        const char* which;
    } const statements[] = {{lookup.reserve_, "kind = 1"},
                            {lookup.ending_, "kind IN (2, 3)"},
                            {lookup.refunds_, "kind = 10 ORDER BY seq"}};
    for (const auto& each : statements) {
        auto statement = database.prepare(select + each.which);
        if (!statement) return tl::unexpected(statement.error());
        each.statement = std::move(*statement);
    }
    return lookup;
}

Result<std::optional<Entry>> EntryLookup::reserve(RequestId request) {
    return only(find(reserve_, request));
}

Result<std::optional<Entry>> EntryLookup::ending(RequestId request) {
    return only(find(ending_, request));
}

Result<std::vector<Entry>> EntryLookup::refunds(RequestId request) {
    return find(refunds_, request);
}

Result<std::vector<Entry>> EntryLookup::find(Statement& statement, RequestId request) {
    statement.bind(1, request.n);
    std::vector<Entry> entries;
    Digest hash;
    Statement::Step step;
    int64_t unreadable = 0;
    while (unreadable == 0 && (step = statement.step()) == Statement::Step::row) {
        if (!read_entry(statement, entries.emplace_back(), hash)) unreadable = statement.integer(0);
    }
    statement.reset();
    if (unreadable != 0) return bad_entry(unreadable, "a column holds another type");
    if (step == Statement::Step::failed) return tl::unexpected(database_->error("read a request"));
    return entries;
}

}  // namespace billing
