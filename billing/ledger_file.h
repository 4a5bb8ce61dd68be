#pragma once
// The one connection that writes: appends entries to the chain inside a transaction. WAL, and every
// commit is flushed. Used from one thread at a time: the opener's, then the writer's.
#include <memory>

#include "billing/answer_table.h"
#include "billing/billing.h"
#include "billing/checkpoints.h"
#include "billing/definition.h"
#include "billing/rollup.h"
#include "billing/schema.h"

namespace billing {

class LedgerFile {
public:
    // Creates nothing but the schema of a blank file, with `pepper_check`; migrates an older one.
    // Errors: ledger_broken, ledger_unavailable.
    static Result<std::unique_ptr<LedgerFile>> open(const std::filesystem::path& file,
                                                    const Digest& pepper_check);

    // The end of the chain as the file has it.
    Result<ChainHead> read_head();

    bool begin() { return begin_.run(); }
    // Gives `entry` its seq and writes it, with the row it defines, behind `head`, which moves on.
    bool append(Entry& entry, const Definition* definition, ChainHead& head);
    bool commit() { return commit_.run(); }
    // A commit that changes nothing that is read: does the disk take a write?
    bool probe();

    bool put_key_use(const KeyUse& use);  // inside a transaction

    CheckpointTable& checkpoints() { return checkpoints_; }  // inside a transaction
    RollupTable& rollups() { return rollups_; }              // inside a transaction
    AnswerTable& answers() { return answers_; }              // inside a transaction

    Database& database() { return database_; }

private:
    LedgerFile() = default;
    Result<void> prepare();

    Database database_;  // first: statements go before it
    Statement begin_, commit_, insert_, head_, probe_, key_use_;
    DefinitionTables definitions_;
    CheckpointTable checkpoints_;
    RollupTable rollups_;
    AnswerTable answers_;
    Sha256 sha256_;
    ChainHead origin_;
};

}  // namespace billing
