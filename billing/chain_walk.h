#pragma once
#include "billing/definition.h"
#include "billing/schema.h"

namespace billing {

// Reads entries in order and holds each to the chain: its seq, its hash, and the row that it
// defines. Borrows the database; one thread.
class ChainWalk {
public:
    // Behind `before`, the end of what is taken as right.
    static Result<ChainWalk> start(Database& database, const ChainHead& before);

    // The next entry, or nothing at the end. Errors: ledger_broken, "entry 17: ..."; then it is
    // over.
    Result<std::optional<Entry>> next();

    // What next() read where it found a hash that does not match; definition() is of that entry
    // then.
    struct Mismatch {
        Entry entry;
        Digest stored, computed;
    };
    const std::optional<Mismatch>& mismatch() const { return mismatch_; }

    // Of the entry that next() gave.
    const ChainHead& head() const { return head_; }
    const std::optional<Definition>& definition() const { return definition_; }

private:
    ChainWalk(Database& database, const ChainHead& before) : database_(&database), head_(before) {}

    Database* database_;
    ChainHead head_;
    Statement entries_;
    DefinitionTables tables_;
    std::optional<Definition> definition_;
    std::optional<Mismatch> mismatch_;
    std::unique_ptr<Sha256> sha256_ = std::make_unique<Sha256>();
};

// "entry 17: what"
tl::unexpected<Error> bad_entry(int64_t seq, const std::string& what);

}  // namespace billing
