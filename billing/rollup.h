#pragma once
// Roll-ups: the usage of a stretch of the ledger, summed by quarter hour of UTC and by all columns
// that a report may group by. A report adds up the roll-ups and the entries behind the last one.
// They follow each other without a gap from the first entry on, and anybody can make one again from
// the entries that it covers: verify() does.
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "billing/usage_rows.h"

namespace billing {

// Usage by quarter and key, and its stored form: ordered, each cell as variable-length numbers of 7
// bits a byte, low ones first: the quarter's distance from the cell before, the seven parts of the
// key, a mask of the figures that are not 0, and those.
class RollupCells {
public:
    struct Cell {
        int64_t quarter;
        UsageKey key;
        Figures figures;
    };
    // False: a sum is above what 64 bits hold.
    [[nodiscard]] bool add(const UsageRow& row);
    bool empty() const { return cells_.empty(); }
    int64_t first_quarter() const { return cells_.begin()->first.first; }
    int64_t last_quarter() const { return cells_.rbegin()->first.first; }
    std::vector<unsigned char> encode() const;
    // In their order. False: the bytes are no cells; or `visit` said so.
    static bool decode(std::span<const unsigned char> bytes,
                       const std::function<bool(const Cell& cell)>& visit);

private:
    std::map<std::pair<int64_t, UsageKey>, Figures> cells_;
};

struct Rollup {
    SeqRange range;         // requests that ended there, and refunds there
    int64_t open_from = 1;  // the first RESERVE not ended before range.end, or that
    int64_t first_quarter = 0, last_quarter = -1;  // of the cells; first > last: none
    std::vector<unsigned char> cells;
    friend bool operator==(const Rollup&, const Rollup&) = default;
};

// From the entries `range`, behind the roll-up whose open_from is given (1: there is none before).
// Errors: ledger_broken, if a sum is too large; those of the database.
Result<Rollup> make_rollup(Database& database, SeqRange range, int64_t open_from);

// Where the roll-ups of a ledger end.
struct RollupEnd {
    int64_t end = 1;        // the first entry that none covers
    int64_t open_from = 1;  // no RESERVE before it was open there
};
Result<RollupEnd> rollups_end(Database& database);

// The stored ones from the quarter `first` to `last`, inclusive; in order. Errors: ledger_broken.
Result<void> visit_rollups(Database& database, int64_t first, int64_t last,
                           const std::function<bool(const RollupCells::Cell& cell)>& visit);

// How many there are, if none is missing between and each that begins behind entry `n_cut` is what
// the entries say. Errors: ledger_broken, which names the first that is not.
Result<int64_t> check_rollups(Database& database, int64_t n_cut);

// Statements over table rollups, prepared once.
class RollupTable {
public:
    static Result<RollupTable> prepare(Database& database);
    bool put(const Rollup& rollup);

private:
    Statement put_;
};

}  // namespace billing
