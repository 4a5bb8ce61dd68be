#pragma once
// The rows of idempotency.h as the writer makes them: each with the entry that it belongs to, in
// one commit.
#include "billing/idempotency.h"
#include "billing/sqlite.h"

namespace billing {

struct AnswerChange {
    enum class What : uint8_t {
        claim,  // with RESERVE: the key is taken
        keep,   // with SETTLE: `answer` is what the request came to
        free,   // with RELEASE: the key may be used again
    };
    What what = What::free;
    RequestId request;
    // For claim.
    AccountId account = {};
    UnixMillis at = {};
    IdempotencyKey key = {};
    // For keep.
    KeptAnswer answer = {};
};

// Statements over table answers, prepared once.
class AnswerTable {
public:
    static Result<AnswerTable> prepare(Database& database);

    bool apply(const AnswerChange& change);  // inside a transaction

private:
    bool claim(const AnswerChange& change);

    Statement sweep_, claim_, keep_, free_;
};

}  // namespace billing
