#include "billing/schema.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace billing {
namespace {

constexpr int64_t kApplicationId = 0x57454952;  // "WEIR"

struct SchemaObject {
    std::string name;
    std::string sql;  // as sqlite_master stores it
};

// Which of a table's rows no cut has taken the protection from; empty: none may go.
std::string behind_cut(std::string_view table) {
    if (table == "entries") return " WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM cuts)";
    if (table == "attempts")
        return " WHEN OLD.id > (SELECT coalesce(max(last_attempt), 0) FROM cuts)";
    return "";
}

std::vector<SchemaObject> schema_objects() {
    std::string entries = "CREATE TABLE entries(seq INTEGER PRIMARY KEY";
    for (size_t i = 1; i < kColumnCount; ++i) {
        const bool is_required = i <= static_cast<size_t>(Column::at);
        entries +=
            std::string(", ") + kColumnNames[i] + " INTEGER" + (is_required ? " NOT NULL" : "");
    }
    entries += ", hash BLOB NOT NULL) STRICT";
    std::vector<SchemaObject> objects = {
        {"ledger",
         "CREATE TABLE ledger(id INTEGER PRIMARY KEY CHECK(id = 1), "
         "pepper_check BLOB NOT NULL) STRICT"},
        {"accounts",
         "CREATE TABLE accounts(id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
         "parent INTEGER NOT NULL, wallet INTEGER NOT NULL, credit_limit INTEGER NOT NULL) STRICT"},
        {"account_terms",
         "CREATE TABLE account_terms(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
         "name TEXT NOT NULL, credit_limit INTEGER NOT NULL, closed INTEGER NOT NULL) STRICT"},
        {"key_terms",
         "CREATE TABLE key_terms(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, "
         "name TEXT NOT NULL, labels TEXT NOT NULL, expires_at INTEGER NOT NULL, "
         "routes TEXT NOT NULL, endpoints TEXT NOT NULL, networks TEXT NOT NULL) STRICT"},
        {"key_secrets",
         "CREATE TABLE key_secrets(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, "
         "digest BLOB NOT NULL UNIQUE, prefix TEXT NOT NULL, last4 TEXT NOT NULL, "
         "others_until INTEGER NOT NULL) STRICT"},
        {"key_uses", "CREATE TABLE key_uses(key INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT"},
        {"budgets",
         "CREATE TABLE budgets(id INTEGER PRIMARY KEY, number INTEGER NOT NULL, "
         "scope INTEGER NOT NULL, subject INTEGER NOT NULL, period INTEGER NOT NULL, "
         "zone TEXT NOT NULL, amount INTEGER NOT NULL, alerts TEXT NOT NULL, "
         "removed INTEGER NOT NULL, from_request INTEGER NOT NULL) STRICT"},
        {"credits",
         "CREATE TABLE credits(id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, "
         "account INTEGER NOT NULL, amount INTEGER NOT NULL) STRICT"},
        {"keys",
         "CREATE TABLE keys(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
         "digest BLOB NOT NULL UNIQUE, prefix TEXT NOT NULL, last4 TEXT NOT NULL) STRICT"},
        {"names", "CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT"},
        {"prices",
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
         "text TEXT NOT NULL, digest BLOB NOT NULL) STRICT"},
        {"refunds",
         "CREATE TABLE refunds(id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, "
         "reason TEXT NOT NULL) STRICT"},
        {"attempts",
         "CREATE TABLE attempts(id INTEGER PRIMARY KEY, request INTEGER NOT NULL, "
         "n INTEGER NOT NULL, endpoint INTEGER NOT NULL, model INTEGER NOT NULL, "
         "price INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL, "
         "outcome INTEGER NOT NULL, source INTEGER NOT NULL, cost INTEGER NOT NULL, "
         "input_uncached INTEGER NOT NULL, cache_read INTEGER NOT NULL, "
         "cache_write INTEGER NOT NULL, output_answer INTEGER NOT NULL, "
         "output_reasoning INTEGER NOT NULL, upstream_input_uncached INTEGER, "
         "upstream_cache_read INTEGER, upstream_cache_write INTEGER, "
         "upstream_output_answer INTEGER, upstream_output_reasoning INTEGER, "
         "upstream_request TEXT) STRICT"},
        {"attributions",
         "CREATE TABLE attributions(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
         "key INTEGER NOT NULL, path TEXT NOT NULL, label TEXT NOT NULL, last4 TEXT NOT NULL, "
         "labels TEXT NOT NULL) STRICT"},
        {"cuts",
         "CREATE TABLE cuts(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, "
         "standing TEXT NOT NULL, last_attempt INTEGER NOT NULL, definitions BLOB NOT NULL, "
         "rollups BLOB NOT NULL, archive TEXT NOT NULL) STRICT"},
        {"checkpoints",
         "CREATE TABLE checkpoints(request INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, "
         "model INTEGER NOT NULL, price INTEGER NOT NULL, started INTEGER NOT NULL, "
         "at INTEGER NOT NULL, source INTEGER NOT NULL, input_uncached INTEGER NOT NULL, "
         "cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, "
         "output_answer INTEGER NOT NULL, output_reasoning INTEGER NOT NULL) STRICT"},
        {"answers",
         "CREATE TABLE answers(request INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
         "key BLOB NOT NULL, body BLOB NOT NULL, at INTEGER NOT NULL, media TEXT, answer BLOB, "
         "UNIQUE(account, key)) STRICT"},
        {"rollups",
         "CREATE TABLE rollups(id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, "
         "end_seq INTEGER NOT NULL, open_from INTEGER NOT NULL, first_quarter INTEGER NOT NULL, "
         "last_quarter INTEGER NOT NULL, cells BLOB NOT NULL) STRICT"},
        {"entries", entries},
        {"reserve_once", "CREATE UNIQUE INDEX reserve_once ON entries(request) WHERE kind = 1"},
        {"terminal_once",
         "CREATE UNIQUE INDEX terminal_once ON entries(request) WHERE kind IN (2, 3)"},
        {"refunds_of", "CREATE INDEX refunds_of ON entries(request) WHERE kind = 10"},
    };
    for (const char* table : {"ledger", "accounts", "account_terms", "keys", "key_terms",
                              "key_secrets", "budgets", "credits", "names", "prices", "refunds",
                              "attempts", "attributions", "cuts", "rollups", "entries"}) {
        for (const std::string change : {"UPDATE", "DELETE"}) {
            const std::string name = std::string(table) + "_no_" + change;
            const std::string when = change == "DELETE" ? behind_cut(table) : "";
            objects.push_back({name, "CREATE TRIGGER " + name + " BEFORE " + change + " ON " +
                                         table + when +
                                         " BEGIN SELECT RAISE(ABORT, 'append only'); END"});
        }
    }
    return objects;
}

tl::unexpected<Error> broken(std::string detail) {
    return tl::unexpected(Error{Errc::ledger_broken, std::move(detail)});
}

}  // namespace

Result<void> create_schema(Database& database, const Digest& pepper_check) {
    std::string script = "BEGIN IMMEDIATE;";
    for (const SchemaObject& object : schema_objects()) script += object.sql + ";";
    script += "INSERT INTO ledger VALUES(1, x'" + to_hex(pepper_check) + "');";
    script += "PRAGMA application_id = " + std::to_string(kApplicationId) + ";";
    script += "PRAGMA user_version = " + std::to_string(kSchemaVersion) + "; COMMIT;";
    return database.execute(script);
}

Result<int64_t> schema_version(Database& database) {
    const auto application = database.query_integer("PRAGMA application_id");
    if (!application) return tl::unexpected(application.error());
    if (*application != kApplicationId)
        return broken("not a ledger: its application_id says otherwise");
    const auto version = database.query_integer("PRAGMA user_version");
    if (!version) return tl::unexpected(version.error());
    if (*version < 1 || *version > kSchemaVersion) {
        return broken("schema version " + std::to_string(*version) + ", this program knows 1 to " +
                      std::to_string(kSchemaVersion));
    }
    return *version;
}

Result<void> check_schema(Database& database) {
    const auto version = schema_version(database);
    if (!version) return tl::unexpected(version.error());
    if (*version != kSchemaVersion) {
        return tl::unexpected(
            Error{Errc::ledger_unavailable,
                  "the ledger has schema version " + std::to_string(*version) +
                      ", this program reads version " + std::to_string(kSchemaVersion) +
                      "; weir serve brings it there when it starts, as does: weir key list"});
    }
    auto find = database.prepare("SELECT sql FROM sqlite_master WHERE name = ?");
    if (!find) return tl::unexpected(find.error());
    const std::vector<SchemaObject> objects = schema_objects();
    for (const SchemaObject& object : objects) {
        find->bind(1, std::string_view(object.name));
        const bool is_same = find->step() == Statement::Step::row && find->text(0) == object.sql;
        find->reset();
        if (!is_same) return broken("schema: " + object.name + " is missing or was changed");
    }
    // What is there without SQL text is SQLite's own: the indexes behind UNIQUE.
    const auto n_objects = database.query_integer(
        "SELECT count(*) FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite%'");
    if (!n_objects) return tl::unexpected(n_objects.error());
    if (*n_objects != static_cast<int64_t>(objects.size())) {
        return broken("schema: holds objects that do not belong to a ledger");
    }
    return {};
}

Result<bool> is_blank(Database& database) {
    const auto n_objects = database.query_integer("SELECT count(*) FROM sqlite_master");
    if (!n_objects) return tl::unexpected(n_objects.error());
    const auto version = database.query_integer("PRAGMA user_version");
    if (!version) return tl::unexpected(version.error());
    return *n_objects == 0 && *version == 0;
}

Result<Digest> read_pepper_check(Database& database) {
    auto statement = database.prepare("SELECT pepper_check FROM ledger WHERE id = 1");
    if (!statement) return tl::unexpected(statement.error());
    Digest digest;
    if (statement->step() != Statement::Step::row || statement->blob(0).size() != digest.size()) {
        return broken("table ledger: pepper_check is missing or has another size");
    }
    std::ranges::copy(statement->blob(0), digest.begin());
    return digest;
}

ChainHead chain_origin(Sha256& sha256, const Digest& pepper_check) {
    static constexpr char kMagic[] = "weir ledger 1";
    std::array<unsigned char, sizeof kMagic + sizeof(Digest)> image;
    std::memcpy(image.data(), kMagic, sizeof kMagic);
    std::memcpy(image.data() + sizeof kMagic, pepper_check.data(), pepper_check.size());
    return {0, sha256(image)};
}

std::string entry_columns(const std::string& prefix) {
    std::string columns;
    for (const char* name : kColumnNames) columns += prefix + name + ", ";
    return columns + prefix + "hash";
}

bool read_entry(const Statement& row, Entry& entry, Digest& hash) {
    entry = Entry();
    for (size_t i = 0; i < kColumnCount; ++i) {
        const int column = static_cast<int>(i);
        if (row.is_integer(column)) {
            entry.set(static_cast<Column>(i), row.integer(column));
        } else if (!row.is_null(column)) {
            return false;
        }
    }
    const auto stored = row.blob(static_cast<int>(kColumnCount));
    if (stored.size() != hash.size()) return false;
    std::ranges::copy(stored, hash.begin());
    return true;
}

}  // namespace billing
