#include "billing/checkpoints.h"

namespace billing {

Result<CheckpointTable> CheckpointTable::prepare(Database& database) {
    CheckpointTable table;
    struct {
        Statement& statement;
        const char* sql;
    } const statements[] = {
        {table.put_,
         "INSERT OR REPLACE INTO checkpoints(request, endpoint, model, price, started, at, source, "
         "input_uncached, cache_read, cache_write, output_answer, output_reasoning) "
         "VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"},
        {table.drop_, "DELETE FROM checkpoints WHERE request = ?"},
        {table.drop_all_, "DELETE FROM checkpoints"},
        {table.find_,
         "SELECT endpoint, model, price, started, at, source, input_uncached, cache_read, "
         "cache_write, output_answer, output_reasoning FROM checkpoints WHERE request = ?"},
    };
    for (const auto& each : statements) {
        auto statement = database.prepare(each.sql);
        if (!statement) return tl::unexpected(statement.error());
        each.statement = std::move(*statement);
    }
    return table;
}

bool CheckpointTable::put(const CheckpointRow& row) {
    int parameter = 0;
    for (const int64_t value :
         {row.request, row.endpoint, row.model, row.price, row.started.ms, row.at.ms,
          static_cast<int64_t>(row.source), row.tokens.input_uncached, row.tokens.cache_read,
          row.tokens.cache_write, row.tokens.output_answer, row.tokens.output_reasoning}) {
        put_.bind(++parameter, value);
    }
    return put_.run();
}

bool CheckpointTable::drop(RequestId request) {
    drop_.bind(1, request.n);
    return drop_.run();
}

std::optional<CheckpointRow> CheckpointTable::find(RequestId request) {
    find_.bind(1, request.n);
    std::optional<CheckpointRow> found;
    if (find_.step() == Statement::Step::row) {
        CheckpointRow& row = found.emplace();
        row.request = request.n;
        row.endpoint = find_.integer(0);
        row.model = find_.integer(1);
        row.price = find_.integer(2);
        row.started = {find_.integer(3)};
        row.at = {find_.integer(4)};
        row.source = static_cast<CountSource>(find_.integer(5));
        row.tokens = {find_.integer(6), find_.integer(7), find_.integer(8), find_.integer(9),
                      find_.integer(10)};
    }
    find_.reset();
    return found;
}

}  // namespace billing
