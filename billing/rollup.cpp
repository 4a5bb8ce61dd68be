#include "billing/rollup.h"

#include <algorithm>
#include <string>

namespace billing {
namespace {

constexpr size_t kKeyParts = 7;

std::array<int64_t, kKeyParts> parts_of(const UsageKey& key) {
    return {key.attribution, key.account, key.key, key.route, key.endpoint, key.model, key.outcome};
}

void append(std::vector<unsigned char>& bytes, int64_t number) {
    auto rest = static_cast<uint64_t>(number);
    for (; rest >= 0x80; rest >>= 7) bytes.push_back(static_cast<unsigned char>(rest | 0x80));
    bytes.push_back(static_cast<unsigned char>(rest));
}

class Reader {
public:
    explicit Reader(std::span<const unsigned char> bytes)
        : at_(bytes.data()), end_(at_ + bytes.size()) {}
    bool at_end() const { return at_ == end_; }
    bool read(int64_t& number) {
        uint64_t value = 0;
        for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
            const unsigned char byte = *at_++;
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) {
                number = static_cast<int64_t>(value);
                return true;
            }
        }
        return false;
    }

private:
    const unsigned char* at_;
    const unsigned char* end_;
};

tl::unexpected<Error> bad_rollup(int64_t id, const std::string& what) {
    return tl::unexpected(
        Error{Errc::ledger_broken, "roll-up " + std::to_string(id) + ": " + what});
}

// The first RESERVE in `range` that has not ended before its end; the end, if there is none.
Result<int64_t> first_open(Database& database, SeqRange range) {
    auto rows = database.prepare(
        "SELECT r.seq FROM entries r NOT INDEXED WHERE r.seq >= ?1 AND r.seq < ?2 AND r.kind = 1 "
        "AND NOT EXISTS (SELECT 1 FROM entries t INDEXED BY terminal_once "
        "WHERE t.request = r.request AND t.kind IN (2, 3) AND t.seq < ?2) ORDER BY r.seq LIMIT 1");
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, range.first);
    rows->bind(2, range.end);
    switch (rows->step()) {
        case Statement::Step::row:
            return rows->integer(0);
        case Statement::Step::done:
            return range.end;
        case Statement::Step::failed:
            break;
    }
    return tl::unexpected(database.error("look for open requests"));
}

constexpr const char* kRollupColumns =
    "first_seq, end_seq, open_from, first_quarter, last_quarter, cells";

}  // namespace

bool RollupCells::add(const UsageRow& row) {
    return cells_[{quarter_of(row.at), row.key}].add(row.figures);
}

std::vector<unsigned char> RollupCells::encode() const {
    std::vector<unsigned char> bytes;
    int64_t quarter = 0;
    for (const auto& [place, figures] : cells_) {
        append(bytes, place.first - quarter);
        quarter = place.first;
        for (const int64_t part : parts_of(place.second)) append(bytes, part);
        int64_t mask = 0;
        for (size_t i = 0; i < kFigureCount; ++i)
            if (figures[static_cast<Figure>(i)] != 0) mask |= int64_t{1} << i;
        append(bytes, mask);
        for (size_t i = 0; i < kFigureCount; ++i) {
            const int64_t value = figures[static_cast<Figure>(i)];
            if (value != 0) append(bytes, value);
        }
    }
    return bytes;
}

bool RollupCells::decode(std::span<const unsigned char> bytes,
                         const std::function<bool(const Cell& cell)>& visit) {
    Reader reader(bytes);
    int64_t quarter = 0;
    while (!reader.at_end()) {
        int64_t step = 0;
        int64_t mask = 0;
        std::array<int64_t, kKeyParts> parts;
        if (!reader.read(step) || __builtin_add_overflow(quarter, step, &quarter)) return false;
        for (int64_t& part : parts)
            if (!reader.read(part)) return false;
        if (!reader.read(mask) || mask < 0 || mask >> kFigureCount != 0) return false;
        Cell cell{
            quarter, {parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]}, {}};
        for (size_t i = 0; i < kFigureCount; ++i) {
            if ((mask >> i & 1) != 0 && !reader.read(cell.figures[static_cast<Figure>(i)]))
                return false;
        }
        if (!visit(cell)) return false;
    }
    return true;
}

Result<Rollup> make_rollup(Database& database, SeqRange range, int64_t open_from) {
    RollupCells cells;
    bool fits = true;
    auto visited = visit_ended(database, range, [&](const UsageRow& row) {
        fits = cells.add(row);
        return fits;
    });
    if (!visited) return tl::unexpected(visited.error());
    if (!fits)
        return tl::unexpected(Error{Errc::ledger_broken, "a sum is above what 64 bits hold"});
    const auto open = first_open(database, {open_from, range.end});
    if (!open) return tl::unexpected(open.error());
    Rollup rollup;
    rollup.range = range;
    rollup.open_from = *open;
    if (!cells.empty()) {
        rollup.first_quarter = cells.first_quarter();
        rollup.last_quarter = cells.last_quarter();
    }
    rollup.cells = cells.encode();
    return rollup;
}

Result<RollupEnd> rollups_end(Database& database) {
    auto rows = database.prepare("SELECT end_seq, open_from FROM rollups ORDER BY id DESC LIMIT 1");
    if (!rows) return tl::unexpected(rows.error());
    switch (rows->step()) {
        case Statement::Step::row:
            return RollupEnd{rows->integer(0), rows->integer(1)};
        case Statement::Step::done:
            return RollupEnd{};
        case Statement::Step::failed:
            break;
    }
    return tl::unexpected(database.error("read the roll-ups"));
}

Result<void> visit_rollups(Database& database, int64_t first, int64_t last,
                           const std::function<bool(const RollupCells::Cell& cell)>& visit) {
    auto rows = database.prepare(
        "SELECT cells, id FROM rollups WHERE last_quarter >= ?1 AND first_quarter <= ?2 "
        "ORDER BY id");
    if (!rows) return tl::unexpected(rows.error());
    rows->bind(1, first);
    rows->bind(2, last);
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        bool has_enough = false;
        const bool reads = RollupCells::decode(rows->blob(0), [&](const RollupCells::Cell& cell) {
            if (cell.quarter < first || cell.quarter > last) return true;
            has_enough = !visit(cell);
            return !has_enough;
        });
        if (has_enough) return {};
        if (!reads) return bad_rollup(rows->integer(1), "its cells cannot be read");
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read the roll-ups"));
    return {};
}

Result<int64_t> check_rollups(Database& database, int64_t n_cut) {
    const auto n_entries = database.query_integer("SELECT coalesce(max(seq), 0) FROM entries");
    if (!n_entries) return tl::unexpected(n_entries.error());
    auto rows =
        database.prepare(std::string("SELECT ") + kRollupColumns + ", id FROM rollups ORDER BY id");
    if (!rows) return tl::unexpected(rows.error());
    RollupEnd before;
    int64_t n = 0;
    Statement::Step step;
    while ((step = rows->step()) == Statement::Step::row) {
        const int64_t id = rows->integer(6);
        Rollup stored{{rows->integer(0), rows->integer(1)},
                      rows->integer(2),
                      rows->integer(3),
                      rows->integer(4),
                      {}};
        const auto cells = rows->blob(5);
        stored.cells.assign(cells.begin(), cells.end());
        if (stored.range.first != before.end || stored.range.end <= stored.range.first ||
            stored.range.end > *n_entries + 1) {
            return bad_rollup(id, "covers other entries than those behind the one before");
        }
        if (stored.range.first > n_cut) {
            const auto computed = make_rollup(database, stored.range, before.open_from);
            if (!computed) return tl::unexpected(computed.error());
            if (stored != *computed) return bad_rollup(id, "is not the sum of its entries");
        }
        before = {stored.range.end, stored.open_from};
        ++n;
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read the roll-ups"));
    return n;
}

Result<RollupTable> RollupTable::prepare(Database& database) {
    auto put = database.prepare(std::string("INSERT INTO rollups(") + kRollupColumns +
                                ") VALUES(?,?,?,?,?,?)");
    if (!put) return tl::unexpected(put.error());
    RollupTable table;
    table.put_ = std::move(*put);
    return table;
}

bool RollupTable::put(const Rollup& rollup) {
    int parameter = 0;
    for (const int64_t value : {rollup.range.first, rollup.range.end, rollup.open_from,
                                rollup.first_quarter, rollup.last_quarter}) {
        put_.bind(++parameter, value);
    }
    put_.bind(++parameter, std::span<const unsigned char>(rollup.cells));
    return put_.run();
}

}  // namespace billing
