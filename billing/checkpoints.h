#pragma once
// How far running streams have come: by it a crash's open holds are settled at the next start. A
// stream that has run for a while has one row, replaced as it goes on and taken out by the commit
// that ends its request. Not chained, unlike the entry that is made of it.
#include <optional>

#include "billing/sqlite.h"
#include "billing/types.h"

namespace billing {

struct CheckpointRow {
    int64_t request = 0;
    int64_t endpoint = 0, model = 0;  // rows of table names
    int64_t price = 0;                // of table prices
    UnixMillis started, at;           // of the attempt; of the checkpoint
    CountSource source = CountSource::counted;
    TokenCounts tokens;
};

// Statements over table checkpoints, prepared once.
class CheckpointTable {
public:
    static Result<CheckpointTable> prepare(Database& database);

    bool put(const CheckpointRow& row);  // in place of the request's last one
    bool drop(RequestId request);
    bool drop_all() { return drop_all_.run(); }
    std::optional<CheckpointRow> find(RequestId request);

private:
    Statement put_, drop_, drop_all_, find_;
};

}  // namespace billing
