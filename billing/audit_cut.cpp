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
        const std::string table = table_of(kind);
        const auto end = first_row_behind(database, kind, cut.row.seq);
        if (!end) return tl::unexpected(end.error());
        auto ids = database.prepare("SELECT id FROM " + table + " WHERE id < ? ORDER BY id");
        if (!ids) return tl::unexpected(ids.error());
        ids->bind(1, *end);
        Statement::Step step;
        while ((step = ids->step()) == Statement::Step::row) {
            const int64_t id = ids->integer(0);
            audit.last_id_[kind] = id;
            ++audit.n_defined_[kind];
            const auto definition = tables->find(kind, id);
            const bool is_right = definition && audit.take_word(id, *definition);
            if (!is_right) {
                return tl::unexpected(
                    Error{Errc::ledger_broken,
                          "row " + std::to_string(id) + " of table " + table + " cannot be"});
            }
        }
        if (step == Statement::Step::failed)
            return tl::unexpected(database.error("read table " + table));
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
