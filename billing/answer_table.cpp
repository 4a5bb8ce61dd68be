#include "billing/answer_table.h"

namespace billing {

Result<AnswerTable> AnswerTable::prepare(Database& database) {
    AnswerTable table;
    struct {
        Statement& statement;
        const char* sql;
    } const statements[] = {
        // A few with each new key: they go at least as fast as they come, and no commit is long.
        {table.sweep_,
         "DELETE FROM answers WHERE at < ? AND request IN "
         "(SELECT request FROM answers ORDER BY request LIMIT 4)"},
        // In the place of one that is older than a day.
        {table.claim_,
         "INSERT OR REPLACE INTO answers(request, account, key, body, at) VALUES(?,?,?,?,?)"},
        {table.keep_, "UPDATE answers SET media = ?, answer = ? WHERE request = ?"},
        {table.free_, "DELETE FROM answers WHERE request = ?"},
    };
    for (const auto& each : statements) {
        auto statement = database.prepare(each.sql);
        if (!statement) return tl::unexpected(statement.error());
        each.statement = std::move(*statement);
    }
    return table;
}

bool AnswerTable::apply(const AnswerChange& change) {
    switch (change.what) {
        case AnswerChange::What::claim:
            return claim(change);
        case AnswerChange::What::keep:
            keep_.bind(1, std::string_view(change.answer.media));
            keep_.bind(2,
                       std::span(reinterpret_cast<const unsigned char*>(change.answer.bytes.data()),
                                 change.answer.bytes.size()));
            keep_.bind(3, change.request.n);
            return keep_.run();
        case AnswerChange::What::free:
            free_.bind(1, change.request.n);
            return free_.run();
    }
    return false;
}

bool AnswerTable::claim(const AnswerChange& change) {
    sweep_.bind(1, change.at.ms - kAnswersKept.count());
    if (!sweep_.run()) return false;
    claim_.bind(1, change.request.n);
    claim_.bind(2, change.account.n);
    claim_.bind(3, std::span<const unsigned char>(change.key.key));
    claim_.bind(4, std::span<const unsigned char>(change.key.body));
    claim_.bind(5, change.at.ms);
    return claim_.run();
}

}  // namespace billing
