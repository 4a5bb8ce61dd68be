#include "billing/migration.h"

#include <span>
#include <string>
#include <vector>

#include "billing/schema.h"

namespace billing {
namespace {

// From version 1. Text of then: what schema.cpp says later is for later steps to reach.
constexpr const char* kTo2[] = {
    "CREATE TABLE refunds(id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, "
    "reason TEXT NOT NULL) STRICT",
    "CREATE TRIGGER refunds_no_UPDATE BEFORE UPDATE ON refunds "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER refunds_no_DELETE BEFORE DELETE ON refunds "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TABLE attempts(id INTEGER PRIMARY KEY, request INTEGER NOT NULL, "
    "n INTEGER NOT NULL, endpoint INTEGER NOT NULL, model INTEGER NOT NULL, "
    "price INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL, "
    "outcome INTEGER NOT NULL, source INTEGER NOT NULL, cost INTEGER NOT NULL, "
    "input_uncached INTEGER NOT NULL, cache_read INTEGER NOT NULL, "
    "cache_write INTEGER NOT NULL, output_answer INTEGER NOT NULL, "
    "output_reasoning INTEGER NOT NULL, upstream_input_uncached INTEGER, "
    "upstream_cache_read INTEGER, upstream_cache_write INTEGER, "
    "upstream_output_answer INTEGER, upstream_output_reasoning INTEGER, "
    "upstream_request TEXT) STRICT",
    "CREATE TRIGGER attempts_no_UPDATE BEFORE UPDATE ON attempts "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER attempts_no_DELETE BEFORE DELETE ON attempts "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TABLE attributions(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
    "key INTEGER NOT NULL, path TEXT NOT NULL, label TEXT NOT NULL, last4 TEXT NOT NULL, "
    "labels TEXT NOT NULL) STRICT",
    "CREATE TRIGGER attributions_no_UPDATE BEFORE UPDATE ON attributions "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER attributions_no_DELETE BEFORE DELETE ON attributions "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TABLE checkpoints(request INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, "
    "model INTEGER NOT NULL, price INTEGER NOT NULL, started INTEGER NOT NULL, "
    "at INTEGER NOT NULL, source INTEGER NOT NULL, input_uncached INTEGER NOT NULL, "
    "cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, "
    "output_answer INTEGER NOT NULL, output_reasoning INTEGER NOT NULL) STRICT",
    "CREATE INDEX refunds_of ON entries(request) WHERE kind = 10",
    // Prices say more now; what a row of version 1 did not say is that nothing of it held.
    "DROP TRIGGER prices_no_UPDATE",
    "DROP TRIGGER prices_no_DELETE",
    "ALTER TABLE prices RENAME TO prices_1",
    "CREATE TABLE prices(id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "effective_from INTEGER NOT NULL, input INTEGER NOT NULL, "
    "cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, "
    "output INTEGER NOT NULL, reasoning INTEGER NOT NULL, version TEXT NOT NULL, "
    "window TEXT NOT NULL, currency TEXT NOT NULL, tier INTEGER NOT NULL, "
    "usd_per_unit INTEGER NOT NULL, markup_ppm INTEGER NOT NULL, "
    "long_tokens INTEGER NOT NULL, long_inclusive INTEGER NOT NULL, "
    "long_counts_cached INTEGER NOT NULL, long_measured_on INTEGER NOT NULL, "
    "long_applies_to INTEGER NOT NULL, long_input INTEGER NOT NULL, "
    "long_cache_read INTEGER NOT NULL, long_cache_write INTEGER NOT NULL, "
    "long_output INTEGER NOT NULL, long_reasoning INTEGER NOT NULL, "
    "text TEXT NOT NULL, digest BLOB NOT NULL) STRICT",
    "INSERT INTO prices SELECT id, name, effective_from, input, cache_read, cache_write, output, "
    "reasoning, '', '', 'USD', 0, 1000000000, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, '', x'' "
    "FROM prices_1",
    "DROP TABLE prices_1",
    "CREATE TRIGGER prices_no_UPDATE BEFORE UPDATE ON prices "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER prices_no_DELETE BEFORE DELETE ON prices "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    // Accounts form a tree: names are unique among siblings.
    "DROP TRIGGER accounts_no_UPDATE",
    "DROP TRIGGER accounts_no_DELETE",
    "ALTER TABLE accounts RENAME TO accounts_1",
    "CREATE TABLE accounts(id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "parent INTEGER NOT NULL, wallet INTEGER NOT NULL, credit_limit INTEGER NOT NULL) STRICT",
    "INSERT INTO accounts SELECT id, name, 0, 0, 0 FROM accounts_1",
    "DROP TABLE accounts_1",
    "CREATE TRIGGER accounts_no_UPDATE BEFORE UPDATE ON accounts "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER accounts_no_DELETE BEFORE DELETE ON accounts "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TABLE account_terms(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
    "name TEXT NOT NULL, credit_limit INTEGER NOT NULL, closed INTEGER NOT NULL) STRICT",
    "CREATE TABLE key_terms(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, "
    "name TEXT NOT NULL, labels TEXT NOT NULL, expires_at INTEGER NOT NULL, "
    "routes TEXT NOT NULL, endpoints TEXT NOT NULL, networks TEXT NOT NULL) STRICT",
    "CREATE TABLE key_secrets(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, "
    "digest BLOB NOT NULL UNIQUE, prefix TEXT NOT NULL, last4 TEXT NOT NULL, "
    "others_until INTEGER NOT NULL) STRICT",
    "CREATE TABLE key_uses(key INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT",
    "CREATE TABLE budgets(id INTEGER PRIMARY KEY, number INTEGER NOT NULL, "
    "scope INTEGER NOT NULL, subject INTEGER NOT NULL, period INTEGER NOT NULL, "
    "zone TEXT NOT NULL, amount INTEGER NOT NULL, alerts TEXT NOT NULL, "
    "removed INTEGER NOT NULL, from_request INTEGER NOT NULL) STRICT",
    "CREATE TABLE credits(id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, "
    "account INTEGER NOT NULL, amount INTEGER NOT NULL) STRICT",
    "CREATE TRIGGER account_terms_no_UPDATE BEFORE UPDATE ON account_terms "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER account_terms_no_DELETE BEFORE DELETE ON account_terms "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER key_terms_no_UPDATE BEFORE UPDATE ON key_terms "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER key_terms_no_DELETE BEFORE DELETE ON key_terms "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER key_secrets_no_UPDATE BEFORE UPDATE ON key_secrets "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER key_secrets_no_DELETE BEFORE DELETE ON key_secrets "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER budgets_no_UPDATE BEFORE UPDATE ON budgets "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER budgets_no_DELETE BEFORE DELETE ON budgets "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER credits_no_UPDATE BEFORE UPDATE ON credits "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER credits_no_DELETE BEFORE DELETE ON credits "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TABLE rollups(id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, "
    "end_seq INTEGER NOT NULL, open_from INTEGER NOT NULL, first_quarter INTEGER NOT NULL, "
    "last_quarter INTEGER NOT NULL, cells BLOB NOT NULL) STRICT",
    "CREATE TRIGGER rollups_no_UPDATE BEFORE UPDATE ON rollups "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER rollups_no_DELETE BEFORE DELETE ON rollups "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "PRAGMA user_version = 2",
};

// Entries and attempts may be cut away from the beginning.
constexpr const char* kTo3[] = {
    "CREATE TABLE cuts(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, "
    "standing TEXT NOT NULL, last_attempt INTEGER NOT NULL, definitions BLOB NOT NULL, "
    "rollups BLOB NOT NULL, archive TEXT NOT NULL) STRICT",
    "CREATE TRIGGER cuts_no_UPDATE BEFORE UPDATE ON cuts "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER cuts_no_DELETE BEFORE DELETE ON cuts "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "DROP TRIGGER entries_no_DELETE",
    "CREATE TRIGGER entries_no_DELETE BEFORE DELETE ON entries "
    "WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM cuts) "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "DROP TRIGGER attempts_no_DELETE",
    "CREATE TRIGGER attempts_no_DELETE BEFORE DELETE ON attempts "
    "WHEN OLD.id > (SELECT coalesce(max(last_attempt), 0) FROM cuts) "
    "BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "PRAGMA user_version = 3",
};

// What requests with an idempotency key came to.
constexpr const char* kTo4[] = {
    "CREATE TABLE answers(request INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
    "key BLOB NOT NULL, body BLOB NOT NULL, at INTEGER NOT NULL, media TEXT, answer BLOB, "
    "UNIQUE(account, key)) STRICT",
    "PRAGMA user_version = 4",
};

Result<void> run_steps(Database& database, int64_t version,
                       const std::function<void(int64_t)>& before_step) {
    const struct {
        int64_t to;
        std::span<const char* const> steps;
    } versions[] = {{2, kTo2}, {3, kTo3}, {4, kTo4}};
    int64_t n_done = 0;
    for (const auto& each : versions) {
        if (version >= each.to) continue;
        for (const char* step : each.steps) {
            if (before_step) before_step(n_done);
            if (auto ok = database.execute(step); !ok) return ok;
            ++n_done;
        }
    }
    // A file that was not as its version says does not come out as this one does.
    if (auto ok = check_schema(database); !ok) return ok;
    if (before_step) before_step(n_done);
    return database.execute("COMMIT");
}

}  // namespace

Result<void> migrate(Database& database, const std::function<void(int64_t)>& before_step) {
    const auto version = schema_version(database);
    if (!version) return tl::unexpected(version.error());
    if (*version == kSchemaVersion) return {};
    if (auto ok = database.execute("BEGIN IMMEDIATE"); !ok) return ok;
    auto done = run_steps(database, *version, before_step);
    if (!done) (void)database.execute("ROLLBACK");  // the error that is told is the first
    return done;
}

}  // namespace billing
