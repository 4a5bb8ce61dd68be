#pragma once
// The little of SQLite that the ledger uses, with owners and errors as values. One thread per
// Database.
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "billing/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace billing {

// Prepared once, stepped many times. Columns count from 0, parameters from 1. Outlived by its
// Database.
class Statement {
public:
    enum class Step { row, done, failed };

    Statement() = default;
    explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
    Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Statement& operator=(Statement&& other) noexcept;
    ~Statement();

    void bind(int parameter, int64_t value);
    void bind_null(int parameter);
    // Borrowed until the next reset().
    void bind(int parameter, std::string_view text);
    void bind(int parameter, std::span<const unsigned char> blob);
    Step step();
    void reset();
    // For statements that give no row: step and reset.
    bool run();

    int64_t integer(int column) const;
    bool is_null(int column) const;
    bool is_integer(int column) const;
    // Valid until the next step() or reset().
    std::string_view text(int column) const;
    std::span<const unsigned char> blob(int column) const;

private:
    sqlite3_stmt* handle_ = nullptr;
};

class Database {
public:
    enum class Mode { read_write, read_only };

    Database() = default;
    // The file must exist. Errors: ledger_unavailable; ledger_broken, if it is no database.
    static Result<Database> open(const std::filesystem::path& file, Mode mode);
    Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Database& operator=(Database&& other) noexcept;
    ~Database();

    Result<void> execute(const std::string& sql);
    Result<Statement> prepare(const std::string& sql);
    // The first column of the first row.
    Result<int64_t> query_integer(const std::string& sql);
    Result<std::string> query_text(const std::string& sql);

    // Moves the whole log into the file. Fails if a reader holds some of it back.
    Result<void> checkpoint();
    // All of it into the empty file `to`, as this connection's read transaction sees it, and
    // flushed.
    Result<void> copy_to(const std::filesystem::path& to);
    // From now on, closing leaves the log as it is, for the next one to open it.
    void keep_log_on_close();
    // The last error of this connection.
    Error error(std::string_view doing) const;

private:
    sqlite3* handle_ = nullptr;
};

}  // namespace billing
