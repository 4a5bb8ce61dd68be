// The audit of a ledger whose oldest entries were cut away begins with what those came to.
#include "billing/audit.h"
#include "billing/cut.h"
#include "billing/standing_restore.h"

namespace billing {

// The standing is held to the rows by load_standing(), as at a start.
Result<Audit> Audit::behind(Database& database, const Cut& cut) {
    Book book;
    KeyRing keys;
    if (auto ok = load_standing(database, cut.standing, book, keys); !ok)
        return tl::unexpected(ok.error());
    Audit audit;
    audit.last_at_ = cut.standing.at.ms;
    audit.last_request_ = cut.standing.last_request.n;
    audit.last_attempt_ = cut.row.last_attempt;
    audit.balances_.insert(cut.standing.accounts.begin(), cut.standing.accounts.end());
    audit.tree_ = book.tree();
    audit.budgets_ = book.budgets();
    auto tables = DefinitionTables::prepare(database);
    if (!tables) return tl::unexpected(tables.error());
    for (const Kind kind : kDefiningKinds) {
        auto visited = visit_rows_up_to(database, *tables, kind, cut.row.seq,
                                        [&](int64_t id, const Definition& definition) {
                                            audit.last_id_[kind] = id;
                                            ++audit.n_defined_[kind];
                                            return audit.take_word(id, definition);
                                        });
        if (!visited) return tl::unexpected(visited.error());
    }
    return audit;
}

// What later entries name by its number and the standing does not hold.
bool Audit::take_word(int64_t id, const Definition& definition) {
    if (std::holds_alternative<NameRow>(definition)) names_.insert(id);
    if (const auto* row = std::get_if<AttributionRow>(&definition))
        attributions_.emplace(id, Owner{row->account, row->key});
    if (const auto* row = std::get_if<PriceRow>(&definition)) {
        auto price = to_price(*row);
        if (!price || !has_true_digest(*sha256_, *row)) return false;
        prices_.emplace(id, std::move(*price));
    }
    return true;
}

}  // namespace billing
