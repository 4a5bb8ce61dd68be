#include "billing/sqlite.h"

#include <sqlite3.h>

namespace billing {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

}  // namespace

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
}

Statement::~Statement() {
    sqlite3_finalize(handle_);
}

void Statement::bind(int parameter, int64_t value) {
    sqlite3_bind_int64(handle_, parameter, value);
}

void Statement::bind_null(int parameter) {
    sqlite3_bind_null(handle_, parameter);
}

void Statement::bind(int parameter, std::string_view text) {
    sqlite3_bind_text(handle_, parameter, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
}

void Statement::bind(int parameter, std::span<const unsigned char> blob) {
    const void* const data = blob.empty() ? "" : static_cast<const void*>(blob.data());  // not NULL
    sqlite3_bind_blob(handle_, parameter, data, static_cast<int>(blob.size()), SQLITE_STATIC);
}

Statement::Step Statement::step() {
    switch (sqlite3_step(handle_)) {
        case SQLITE_ROW:
            return Step::row;
        case SQLITE_DONE:
            return Step::done;
        default:
            return Step::failed;
    }
}

void Statement::reset() {
    sqlite3_reset(handle_);
}

bool Statement::run() {
    const bool ok = step() == Step::done;
    reset();
    return ok;
}

int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(handle_, column);
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

bool Statement::is_integer(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_INTEGER;
}

std::string_view Statement::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
}

std::span<const unsigned char> Statement::blob(int column) const {
    const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(handle_, column));
    return {bytes, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
}

Result<Database> Database::open(const std::filesystem::path& file, Mode mode) {
    std::error_code failed;
    // Absolute: a relative name could be one that SQLite reads as something else, ":memory:" for
    // one.
    const std::filesystem::path absolute = std::filesystem::absolute(file, failed);
    const int access = mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    Database database;
    const int rc = sqlite3_open_v2(absolute.c_str(), &database.handle_,
                                   access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    if (rc != SQLITE_OK) return tl::unexpected(database.error("open " + file.string()));
    sqlite3_busy_timeout(database.handle_, kBusyTimeoutMs);
    return database;
}

Database& Database::operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
}

Database::~Database() {
    sqlite3_close_v2(handle_);
}

Result<void> Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return tl::unexpected(error(sql.substr(0, sql.find_first_of("(;"))));
    }
    return {};
}

Result<Statement> Database::prepare(const std::string& sql) {
    sqlite3_stmt* handle = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr) !=
        SQLITE_OK) {
        return tl::unexpected(error(sql));
    }
    return Statement(handle);
}

Result<int64_t> Database::query_integer(const std::string& sql) {
    auto statement = prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    if (statement->step() != Statement::Step::row) return tl::unexpected(error(sql));
    return statement->integer(0);
}

Result<std::string> Database::query_text(const std::string& sql) {
    auto statement = prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    if (statement->step() != Statement::Step::row) return tl::unexpected(error(sql));
    return std::string(statement->text(0));
}

Result<void> Database::checkpoint() {
    int n_frames = 0;
    int n_moved = 0;
    const int rc =
        sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_FULL, &n_frames, &n_moved);
    if (rc != SQLITE_OK) return tl::unexpected(error("checkpoint"));
    if (n_frames != n_moved) {
        return tl::unexpected(
            Error{Errc::ledger_unavailable, "checkpoint: a reader holds it back"});
    }
    return {};
}

Result<void> Database::copy_to(const std::filesystem::path& to) {
    auto target = open(to, Mode::read_write);
    if (!target) return tl::unexpected(target.error());
    sqlite3_backup* backup = sqlite3_backup_init(target->handle_, "main", handle_, "main");
    const bool is_copied = backup != nullptr && sqlite3_backup_step(backup, -1) == SQLITE_DONE;
    // What went wrong is known from finish(), and stands with the target.
    const int rc = sqlite3_backup_finish(backup);
    if (!is_copied || rc != SQLITE_OK)
        return tl::unexpected(target->error("copy to " + to.string()));
    return {};
}

void Database::keep_log_on_close() {
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Error Database::error(std::string_view doing) const {
    std::string detail(doing);
    detail += ": ";
    detail += handle_ == nullptr ? "out of memory" : sqlite3_errmsg(handle_);
    const int code = handle_ == nullptr ? SQLITE_NOMEM : sqlite3_errcode(handle_) & 0xff;
    const bool is_broken = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
    return {is_broken ? Errc::ledger_broken : Errc::ledger_unavailable, std::move(detail)};
}

}  // namespace billing
