// What a crash left open is ended when the ledger opens, before anybody is served: settled by how
// far the stream had come, or released.
#include <algorithm>

#include "billing/cost.h"
#include "billing/ledger_billing.h"
#include "billing/wall_clock.h"

namespace billing {
namespace {

struct End {
    Entry entry;
    std::optional<Definition> attempts;
    NanoUsd amount;
};

Entry ending(Kind kind, RequestId request, const Book::OpenHold& hold, uint32_t flags,
             UnixMillis at) {
    Entry entry(kind, at);
    entry.set(Column::request, request.n);
    entry.set(Column::account, hold.payer.n);
    entry.set(Column::outcome, static_cast<int64_t>(Outcome::internal));
    entry.set(Column::flags, flags | flag_recovered);
    return entry;
}

// Nothing, if the row speaks of what the ledger does not have.
std::optional<End> settle_by(const CheckpointRow& row, const Book::OpenHold& hold,
                             DefinitionTables& tables, Book& book, UnixMillis at) {
    const auto found = tables.find(Kind::price, row.price);
    const auto* version = found ? std::get_if<PriceRow>(&*found) : nullptr;
    const auto price = version != nullptr ? to_price(*version) : std::nullopt;
    const TokenCounts& tokens = row.tokens;
    const bool is_sound = price && tables.find(Kind::name, row.endpoint) &&
                          tables.find(Kind::name, row.model) &&
                          std::min({tokens.input_uncached, tokens.cache_read, tokens.cache_write,
                                    tokens.output_answer, tokens.output_reasoning}) >= 0;
    if (!is_sound) return std::nullopt;
    const NanoUsd full = cost(tokens, price->tariff);
    End end;
    end.amount = std::min(full, hold.amount);
    uint32_t flags = row.source == CountSource::counted ? flag_estimated : flag_none;
    if (full > end.amount) flags |= flag_usage_clamped;
    end.entry = ending(Kind::settle, {row.request}, hold, flags, at);
    end.entry.set(Column::amount, end.amount.n);
    end.entry.set(Column::endpoint, row.endpoint);
    end.entry.set(Column::model, row.model);
    end.entry.set(Column::price, row.price);
    end.entry.set(Column::source, static_cast<int64_t>(row.source));
    end.entry.set_tokens(Column::input_uncached, tokens);
    AttemptRow attempt;
    attempt.request = row.request;
    attempt.n = 1;
    attempt.endpoint = row.endpoint;
    attempt.model = row.model;
    attempt.price = row.price;
    attempt.started = row.started;
    attempt.ended = row.at;
    attempt.outcome = AttemptOutcome::lost;
    attempt.source = row.source;
    attempt.tokens = tokens;
    attempt.cost = attempt_cost(attempt, price->tariff);
    end.entry.set(Column::subject, book.next_attempts(1));
    end.attempts = Attempts{{std::move(attempt)}};
    return end;
}

}  // namespace

Result<ChainHead> LedgerBilling::end_left_open(LedgerFile& file, ChainHead head) {
    const UnixMillis now = wall_clock();
    Book& book = desk_.book;
    const std::vector<RequestId> requests = book.open_requests();
    if (requests.empty()) return head;
    auto tables = DefinitionTables::prepare(file.database());
    if (!tables) return tl::unexpected(tables.error());
    bool ok = file.begin();
    for (const RequestId request : requests) {
        const Book::OpenHold hold = *book.open_hold(request);
        const UnixMillis at = book.advance(now);
        End end{ending(Kind::release, request, hold, flag_none, at), std::nullopt, {}};
        if (const auto row = file.checkpoints().find(request)) {
            auto settled = settle_by(*row, hold, *tables, book, at);
            if (!settled) {
                return tl::unexpected(Error{
                    Errc::ledger_broken, "the checkpoint of request " + std::to_string(request.n) +
                                             " names a price, an endpoint or a count that "
                                             "is none: it was changed"});
            }
            end = std::move(*settled);
        }
        ok = ok && file.append(end.entry, end.attempts ? &*end.attempts : nullptr, head);
        book.end(request, end.amount);
    }
    if (!ok || !file.checkpoints().drop_all() || !file.commit())
        return tl::unexpected(file.database().error("end what was left open"));
    return head;
}

}  // namespace billing
