#include "billing/ledger_file.h"

#include <algorithm>

#include "billing/migration.h"

namespace billing {
namespace {

constexpr int64_t kSynchronousFull = 2;
constexpr int64_t kAutocheckpointPages = 4'000;  // fewer: the checkpoint's stall shows in p99

Result<void> set_pragmas(Database& database) {
    const auto journal = database.query_text("PRAGMA journal_mode = WAL");
    if (!journal) return tl::unexpected(journal.error());
    if (*journal != "wal") {
        return tl::unexpected(Error{Errc::ledger_unavailable, "journal_mode is " + *journal +
                                                                  ": the file system has no WAL"});
    }
    if (auto ok = database.execute("PRAGMA synchronous = FULL"); !ok) return ok;
    if (auto ok = database.execute("PRAGMA cache_size = -32000"); !ok) return ok;
    const auto synchronous = database.query_integer("PRAGMA synchronous");
    if (!synchronous) return tl::unexpected(synchronous.error());
    const auto pages = database.query_integer("PRAGMA wal_autocheckpoint = " +
                                              std::to_string(kAutocheckpointPages));
    if (!pages) return tl::unexpected(pages.error());
    if (*synchronous != kSynchronousFull || *pages != kAutocheckpointPages) {
        return tl::unexpected(Error{Errc::ledger_unavailable, "SQLite did not take its settings"});
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<LedgerFile>> LedgerFile::open(const std::filesystem::path& file,
                                                     const Digest& pepper_check) {
    auto database = Database::open(file, Database::Mode::read_write);
    if (!database) return tl::unexpected(database.error());
    std::unique_ptr<LedgerFile> ledger(new LedgerFile());
    ledger->database_ = std::move(*database);
    const auto blank = is_blank(ledger->database_);
    if (!blank) return tl::unexpected(blank.error());
    if (!*blank) {
        // Before a pragma writes: a file that is something else stays as it is.
        const auto version = schema_version(ledger->database_);
        if (!version) return tl::unexpected(version.error());
        auto is_right =
            *version == kSchemaVersion ? check_schema(ledger->database_) : Result<void>();
        if (!is_right) return tl::unexpected(is_right.error());
    }
    if (auto ok = set_pragmas(ledger->database_); !ok) return tl::unexpected(ok.error());
    auto made =
        *blank ? create_schema(ledger->database_, pepper_check) : migrate(ledger->database_);
    if (!made) return tl::unexpected(made.error());
    if (auto ok = ledger->prepare(); !ok) return tl::unexpected(ok.error());
    return ledger;
}

Result<void> LedgerFile::prepare() {
    const auto pepper_check = read_pepper_check(database_);
    if (!pepper_check) return tl::unexpected(pepper_check.error());
    origin_ = chain_origin(sha256_, *pepper_check);
    std::string parameters = "?";
    for (size_t i = 0; i < kColumnCount; ++i) parameters += ",?";
    struct {
        Statement& statement;
        std::string sql;
    } const statements[] = {
        {begin_, "BEGIN IMMEDIATE"},
        {commit_, "COMMIT"},
        {insert_, "INSERT INTO entries(" + entry_columns() + ") VALUES(" + parameters + ")"},
        {head_, "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1"},
        {key_use_,
         "INSERT INTO key_uses(key, at) VALUES(?, ?) "
         "ON CONFLICT(key) DO UPDATE SET at = excluded.at"},
        {probe_, "PRAGMA user_version = " + std::to_string(kSchemaVersion)},
    };
    for (const auto& each : statements) {
        auto statement = database_.prepare(each.sql);
        if (!statement) return tl::unexpected(statement.error());
        each.statement = std::move(*statement);
    }
    auto definitions = DefinitionTables::prepare(database_);
    if (!definitions) return tl::unexpected(definitions.error());
    definitions_ = std::move(*definitions);
    auto checkpoints = CheckpointTable::prepare(database_);
    if (!checkpoints) return tl::unexpected(checkpoints.error());
    checkpoints_ = std::move(*checkpoints);
    auto rollups = RollupTable::prepare(database_);
    if (!rollups) return tl::unexpected(rollups.error());
    rollups_ = std::move(*rollups);
    auto answers = AnswerTable::prepare(database_);
    if (!answers) return tl::unexpected(answers.error());
    answers_ = std::move(*answers);
    return {};
}

Result<ChainHead> LedgerFile::read_head() {
    ChainHead head = origin_;
    const Statement::Step step = head_.step();
    if (step == Statement::Step::row && head_.blob(1).size() == head.hash.size()) {
        head.seq = head_.integer(0);
        std::ranges::copy(head_.blob(1), head.hash.begin());
    }
    head_.reset();
    if (step == Statement::Step::failed)
        return tl::unexpected(database_.error("read the last entry"));
    return head;
}

bool LedgerFile::append(Entry& entry, const Definition* definition, ChainHead& head) {
    entry.set(Column::seq, head.seq + 1);
    Digest content{};
    if (definition != nullptr) {
        const int64_t id = entry.get(Column::subject);
        content = content_digest(sha256_, id, *definition);
        if (!definitions_.insert(id, *definition)) return false;
    }
    const Digest hash = chain_hash(sha256_, entry, content, head.hash);
    for (size_t i = 0; i < kColumnCount; ++i) {
        const int parameter = static_cast<int>(i) + 1;
        if ((entry.present() >> i & 1u) != 0) {
            insert_.bind(parameter, entry.values()[i]);
        } else {
            insert_.bind_null(parameter);
        }
    }
    insert_.bind(static_cast<int>(kColumnCount) + 1, std::span<const unsigned char>(hash));
    if (!insert_.run()) return false;
    head = {head.seq + 1, hash};
    return true;
}

bool LedgerFile::put_key_use(const KeyUse& use) {
    key_use_.bind(1, use.key.n);
    key_use_.bind(2, use.at.ms);
    return key_use_.run();
}

bool LedgerFile::probe() {
    // Written again with the same value, the version still costs a page in the log and a flush.
    return begin_.run() && probe_.run() && commit_.run();
}

}  // namespace billing
