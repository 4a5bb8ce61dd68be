#include "tests/billing/version_1.h"

#include <sys/stat.h>

#include <array>
#include <fstream>
#include <map>
#include <stdexcept>

#include "billing/pepper.h"
#include "billing/sqlite.h"
#include "tests/billing/fixture.h"

namespace billing::test {
namespace {

constexpr std::array kColumns = {"seq",
                                 "kind",
                                 "at",
                                 "request",
                                 "account",
                                 "key",
                                 "amount",
                                 "subject",
                                 "route",
                                 "endpoint",
                                 "model",
                                 "price",
                                 "source",
                                 "outcome",
                                 "flags",
                                 "input_uncached",
                                 "cache_read",
                                 "cache_write",
                                 "output_answer",
                                 "output_reasoning",
                                 "upstream_input_uncached",
                                 "upstream_cache_read",
                                 "upstream_cache_write",
                                 "upstream_output_answer",
                                 "upstream_output_reasoning"};

std::string schema() {
    std::string entries = "CREATE TABLE entries(seq INTEGER PRIMARY KEY, ";
    for (const std::string column : kColumns) {
        if (column == "seq") continue;
        entries +=
            column + (column == "kind" || column == "at" ? " INTEGER NOT NULL, " : " INTEGER, ");
    }
    std::string script =
        "CREATE TABLE ledger(id INTEGER PRIMARY KEY CHECK(id = 1), "
        "pepper_check BLOB NOT NULL) STRICT;"
        "CREATE TABLE accounts(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
        "CREATE TABLE keys(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, "
        "digest BLOB NOT NULL UNIQUE, prefix TEXT NOT NULL, last4 TEXT NOT NULL) STRICT;"
        "CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
        "CREATE TABLE prices(id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "effective_from INTEGER NOT NULL, input INTEGER NOT NULL, "
        "cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, "
        "output INTEGER NOT NULL, reasoning INTEGER NOT NULL) STRICT;" +
        entries +
        "hash BLOB NOT NULL) STRICT;"
        "CREATE UNIQUE INDEX reserve_once ON entries(request) WHERE kind = 1;"
        "CREATE UNIQUE INDEX terminal_once ON entries(request) WHERE kind IN (2, 3);";
    for (const std::string table : {"ledger", "accounts", "keys", "names", "prices", "entries"}) {
        for (const std::string change : {"UPDATE", "DELETE"}) {
            script += "CREATE TRIGGER " + table + "_no_" + change + " BEFORE " + change + " ON " +
                      table + " BEGIN SELECT RAISE(ABORT, 'append only'); END;";
        }
    }
    return script + "PRAGMA application_id = 1464158546; PRAGMA user_version = 1;";
}

// What was hashed: numbers in eight bytes, little-endian, length before text.
std::string number(int64_t value) {
    std::string bytes;
    for (int i = 0; i < 8; ++i)
        bytes +=
            static_cast<char>(static_cast<unsigned char>(static_cast<uint64_t>(value) >> 8 * i));
    return bytes;
}

std::string text(std::string_view text) {
    return number(static_cast<int64_t>(text.size())) + std::string(text);
}

std::string raw(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

using Row = std::map<std::string, int64_t>;  // the columns that are not NULL

class Writer {
public:
    Writer(const std::filesystem::path& ledger, const Digest& pepper_check)
        : database_(must(Database::open(ledger, Database::Mode::read_write))) {
        must(database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"));
        must(database_.execute("BEGIN;" + schema() + "INSERT INTO ledger VALUES(1, x'" +
                               to_hex(pepper_check) + "')"));
        std::string parameters = "?";
        for (size_t i = 0; i < kColumns.size(); ++i) parameters += ",?";
        insert_ = must(database_.prepare("INSERT INTO entries VALUES(" + parameters + ")"));
        head_ = hash(std::string("weir ledger 1", 14) + raw(pepper_check));
    }

    // A row of another table: `image` is what was hashed of it, `table` its number there.
    void define(Row entry, int64_t table, const std::string& image, const std::string& sql) {
        must(database_.execute(sql));
        append(entry, hash(number(table) + number(entry.at("subject")) + image));
    }
    void append(Row entry, const Digest& content = {}) {
        entry["seq"] = ++n_entries_;
        entry["at"] = kStart.ms + n_entries_;
        int64_t present = 0;
        std::string values;
        for (size_t i = 0; i < kColumns.size(); ++i) {
            const int parameter = static_cast<int>(i) + 1;
            const auto at = entry.find(kColumns[i]);
            insert_.bind_null(parameter);
            if (at != entry.end()) {
                present |= int64_t{1} << i;
                insert_.bind(parameter, at->second);
            }
            values += number(at == entry.end() ? 0 : at->second);
        }
        head_ = hash(number(present) + values + raw(content) + raw(head_));
        insert_.bind(static_cast<int>(kColumns.size()) + 1, std::span<const unsigned char>(head_));
        if (!insert_.run()) throw std::runtime_error("an entry of version 1");
    }
    Version1 finish(int64_t spent) {
        must(database_.execute("COMMIT"));
        return {n_entries_, to_hex(head_), spent};
    }

private:
    Digest hash(const std::string& bytes) {
        return sha256_({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
    }

    Database database_;  // first: the statement goes before it
    Statement insert_;
    Sha256 sha256_;
    Digest head_{};
    int64_t n_entries_ = 0;
};

void define_words(Writer& writer) {
    writer.define({{"kind", 5}, {"subject", 1}}, 0, text("alice"),
                  "INSERT INTO accounts VALUES(1, 'alice')");
    writer.define(
        {{"kind", 6}, {"account", 1}, {"subject", 1}}, 1,
        number(1) + text(std::string(32, '\x11')) + text("sk-weir-abcd") + text("wxyz"),
        "INSERT INTO keys VALUES(1, 1, x'" + std::string(64, '1') + "', 'sk-weir-abcd', 'wxyz')");
    writer.append({{"kind", 4}, {"account", 1}, {"amount", 9 * kUsd.n}});
    int64_t id = 0;
    for (const std::string name : {"route-a", "endpoint-a", "model-a"}) {
        ++id;
        writer.define({{"kind", 8}, {"subject", id}}, 2, text(name),
                      "INSERT INTO names VALUES(" + std::to_string(id) + ", '" + name + "')");
    }
    writer.define({{"kind", 9}, {"subject", 1}}, 3,
                  text("plain") + number(kStart.ms) + number(1'000) + number(1'000) +
                      number(1'000) + number(2'000) + number(2'000),
                  "INSERT INTO prices VALUES(1, 'plain', " + std::to_string(kStart.ms) +
                      ", 1000, 1000, 1000, 2000, 2000)");
}

void make_pepper(const std::filesystem::path& file, const Pepper& pepper) {
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(pepper.data()),
              static_cast<std::streamsize>(pepper.size()));
    out.close();
    ::chmod(file.c_str(), 0600);
}

}  // namespace

Version1 make_version_1(const std::filesystem::path& ledger, int64_t n_requests) {
    Pepper pepper;
    pepper.fill(7);
    make_pepper(ledger.string() + ".pepper", pepper);
    std::ofstream(ledger, std::ios::binary).close();
    Writer writer(ledger, pepper_check(pepper));
    define_words(writer);
    int64_t spent = 0;
    for (int64_t request = 1; request <= n_requests; ++request) {
        writer.append({{"kind", 1},
                       {"request", request},
                       {"account", 1},
                       {"key", 1},
                       {"amount", 1'000},
                       {"route", 1}});
        if (request == n_requests) break;
        Row end{{"request", request}, {"account", 1}, {"outcome", 0}};
        if (request % 5 == 0) {
            end["kind"] = 3;
        } else {
            const int64_t n_tokens = request % 900;
            for (size_t i = 15; i < kColumns.size(); ++i) end[kColumns[i]] = 0;
            end["input_uncached"] = end["upstream_input_uncached"] = n_tokens;
            end["kind"] = 2;
            end["amount"] = n_tokens;
            end["endpoint"] = 2;
            end["model"] = 3;
            end["price"] = 1;
            end["source"] = 1;
            end["flags"] = 0;
            spent += n_tokens;
        }
        writer.append(end);
    }
    return writer.finish(spent);
}

}  // namespace billing::test
