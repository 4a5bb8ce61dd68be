#include "billing/chain_walk.h"

namespace billing {

tl::unexpected<Error> bad_entry(int64_t seq, const std::string& what) {
    return tl::unexpected(Error{Errc::ledger_broken, "entry " + std::to_string(seq) + ": " + what});
}

Result<ChainWalk> ChainWalk::start(Database& database, const ChainHead& before) {
    ChainWalk walk(database, before);
    auto entries =
        database.prepare("SELECT " + entry_columns() + " FROM entries WHERE seq > ? ORDER BY seq");
    if (!entries) return tl::unexpected(entries.error());
    walk.entries_ = std::move(*entries);
    // From the first row there is, if the chain is followed from its origin: none may stand before
    // it.
    walk.entries_.bind(1, before.seq == 0 ? INT64_MIN : before.seq);
    auto tables = DefinitionTables::prepare(database);
    if (!tables) return tl::unexpected(tables.error());
    walk.tables_ = std::move(*tables);
    return walk;
}

Result<std::optional<Entry>> ChainWalk::next() {
    definition_.reset();
    switch (entries_.step()) {
        case Statement::Step::failed:
            return tl::unexpected(database_->error("read entry " + std::to_string(head_.seq + 1)));
        case Statement::Step::done:
            return std::optional<Entry>();
        case Statement::Step::row:
            break;
    }
    const int64_t seq = head_.seq + 1;
    if (entries_.integer(0) != seq) {
        return bad_entry(seq, "missing; the next there is " + std::to_string(entries_.integer(0)));
    }
    Entry entry;
    Digest hash;
    if (!read_entry(entries_, entry, hash)) return bad_entry(seq, "a column holds another type");
    Digest content{};
    const auto kind = static_cast<Kind>(entry.get(Column::kind));
    if (const char* table = table_of(entry)) {
        const int64_t id = entry.get(Column::subject);
        definition_ = tables_.find(kind, id);
        if (!definition_) {
            return bad_entry(seq,
                             "row " + std::to_string(id) + " of table " + table + " is missing");
        }
        content = content_digest(*sha256_, id, *definition_);
    }
    const Digest computed = chain_hash(*sha256_, entry, content, head_.hash);
    if (computed != hash) {
        mismatch_ = {entry, hash, computed};
        std::string what = "hash does not match";
        if (const char* table = table_of(entry)) {
            what += ": the entry or row " + std::to_string(entry.get(Column::subject)) +
                    " of table " + table + " was changed";
        }
        return bad_entry(seq, what);
    }
    head_ = {seq, hash};
    return std::optional<Entry>(entry);
}

}  // namespace billing
