#include "billing/bill.h"

#include <algorithm>

#include "billing/csv.h"
#include "config/local_time.h"

namespace billing {
namespace {

constexpr Atto kUnit = 1'000'000'000'000'000'000;  // one, in 1e-18
constexpr int64_t kRateUnit = 1'000'000'000;
constexpr Atto kCountMax = Atto{1'000'000'000'000'000};

tl::unexpected<Error> wrong(const std::string& detail) {
    return tl::unexpected(Error{Errc::query_invalid, "the bill: " + detail});
}

std::optional<BillColumn> column_named(std::string_view name) {
    const auto at = std::ranges::find(kBillColumnNames, name);
    if (at == kBillColumnNames.end()) return std::nullopt;
    return static_cast<BillColumn>(at - kBillColumnNames.begin());
}

bool is_figure(BillColumn column) {
    return column >= BillColumn::requests && column <= BillColumn::usd;
}

struct Instant {
    int64_t day, offset_s;
};

// "+02:00" or "Z" at the end of an RFC 3339 time.
int64_t offset_of(std::string_view text) {
    if (text.size() < 6 || text.back() == 'Z' || text.back() == 'z') return 0;
    const std::string_view tail = text.substr(text.size() - 6);
    const auto two = [&](size_t at) { return (tail[at] - '0') * 10 + (tail[at + 1] - '0'); };
    const int64_t seconds = two(1) * 3'600 + two(4) * 60;
    return tail[0] == '-' ? -seconds : seconds;
}

// "2026-05-13", "20260513", RFC 3339, or seconds since 1970.
std::optional<Instant> parse_time(const std::string& text) {
    if (const auto day = config::parse_date(text)) return Instant{*day, 0};
    const bool is_number =
        !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (is_number && text.size() == 8) {
        const auto day = config::parse_date(text.substr(0, 4) + "-" + text.substr(4, 2) + "-" +
                                            text.substr(6, 2));
        if (day) return Instant{*day, 0};
        return std::nullopt;
    }
    if (is_number && text.size() <= 11) return Instant{std::stoll(text) / 86'400, 0};
    const auto at = config::parse_rfc3339(text);
    if (!at) return std::nullopt;
    const int64_t offset_s = offset_of(text);
    const int64_t local_ms = at->ms + offset_s * 1'000;
    constexpr int64_t kDay = 86'400'000;
    return Instant{local_ms >= 0 ? local_ms / kDay : -((kDay - 1 - local_ms) / kDay), offset_s};
}

class Reader {
public:
    Reader(const BillReading& reading, CsvReader csv) : reading_(reading), csv_(csv) {}

    Result<Bill> read() {
        if (auto ok = read_header(); !ok) return tl::unexpected(ok.error());
        for (;;) {
            auto row = csv_.next();
            if (!row) return wrong(row.error().detail);
            if (!*row) break;
            if (auto ok = add(**row); !ok) return tl::unexpected(ok.error());
            if (static_cast<int64_t>(bill_.lines.size()) > kBillLinesMax)
                return wrong("more than " + std::to_string(kBillLinesMax) + " lines");
        }
        if (bill_.lines.empty()) return wrong("no line below the header");
        return std::move(bill_);
    }

private:
    struct Place {
        BillColumn column;
        size_t cell;
    };

    Result<void> read_header() {
        auto row = csv_.next();
        if (!row) return wrong(row.error().detail);
        if (!*row) return wrong("the file is empty");
        const std::vector<std::string>& header = (*row)->cells;
        const auto profile = find_bill_profile(reading_.profile, header);
        if (!profile) return tl::unexpected(profile.error());
        profile_ = *profile;
        bill_.profile = profile_->name;
        if (auto ok = place_columns(header); !ok) return ok;
        for (const Place& place : places_) {
            if (is_figure(place.column) || place.column == BillColumn::request_id)
                bill_.states.insert(place.column);
        }
        for (const auto& [cell, column] : profile_->figures) bill_.states.insert(column);
        if (has(BillColumn::unit_price)) bill_.states.insert(BillColumn::usd);
        const bool has_figures = std::ranges::any_of(bill_.states, is_figure);
        if (!has(BillColumn::time) || !has(BillColumn::model) || !has_figures) {
            std::string found;
            for (const std::string& name : header) found += (found.empty() ? "" : ", ") + name;
            return wrong(
                "needs a column time, a column model and one with a figure; its columns are " +
                found +
                ". Say which is which: --column time=NAME --column model=NAME "
                "--column output_tokens=NAME ...");
        }
        return {};
    }

    Result<void> place_columns(const std::vector<std::string>& header) {
        std::set<BillColumn> given;
        const auto cell_of = [&](const std::string& name) {
            return static_cast<size_t>(std::ranges::find(header, name) - header.begin());
        };
        for (const auto& [meaning, name] : reading_.columns) {
            const auto column = column_named(meaning);
            if (!column) {
                std::string known;
                for (const auto each : kBillColumnNames)
                    known += (known.empty() ? "" : ", ") + std::string(each);
                return wrong("no meaning \"" + meaning + "\"; there are " + known);
            }
            const size_t cell = cell_of(name);
            if (cell == header.size()) return wrong("no column \"" + name + "\" in its first line");
            places_.push_back({*column, cell});
            given.insert(*column);
        }
        for (const auto& [column, name] : profile_->columns) {
            const size_t cell = cell_of(name);
            if (cell < header.size() && !given.contains(column)) places_.push_back({column, cell});
        }
        return {};
    }

    bool has(BillColumn column) const {
        return std::ranges::find(places_, column, &Place::column) != places_.end();
    }

    Result<void> add(const CsvReader::Row& row) {
        BillLine line;
        line.line = row.line;
        std::optional<BillColumn> figure;
        Atto amount = 0, unit_price = 0;
        for (const Place& place : places_) {
            if (place.cell >= row.cells.size())
                return wrong(at(row, place) +
                             "is missing: the line has fewer cells than the first");
            const std::string& cell = row.cells[place.cell];
            Result<void> ok;
            switch (place.column) {
                case BillColumn::time:
                    ok = take_time(cell, row, place, line);
                    break;
                case BillColumn::model: {
                    const auto mapped = reading_.models.find(cell);
                    line.model = mapped == reading_.models.end() ? cell : mapped->second;
                    break;
                }
                case BillColumn::request_id:
                    line.request_id = cell;
                    break;
                case BillColumn::currency:
                    ok = take_currency(cell, row, place);
                    break;
                case BillColumn::figure:
                    figure = figure_named(cell);
                    break;
                case BillColumn::amount:
                    ok = take_number(cell, row, place, amount);
                    break;
                case BillColumn::unit_price:
                    ok = take_number(cell, row, place, unit_price);
                    break;
                default:
                    ok = take_figure(cell, row, place, line);
            }
            if (!ok) return ok;
        }
        if (has(BillColumn::figure)) {
            if (!figure) return {};  // something else that the vendor counts
            if (auto ok = take_single(*figure, amount, unit_price, row, line); !ok) return ok;
        }
        bill_.lines.push_back(std::move(line));
        return {};
    }

    std::string at(const CsvReader::Row& row, const Place& place) const {
        return "line " + std::to_string(row.line) + ", " +
               std::string(kBillColumnNames[static_cast<size_t>(place.column)]) + ": ";
    }

    Result<void> take_time(const std::string& cell, const CsvReader::Row& row, const Place& place,
                           BillLine& line) {
        const auto instant = parse_time(cell);
        if (!instant) {
            return wrong(at(row, place) + "\"" + cell +
                         "\" is no time; as 2026-10-01, 20261001 or 2026-10-01T00:00:00Z");
        }
        if (!bill_.lines.empty() && instant->offset_s != bill_.offset_s)
            return wrong(at(row, place) + "another offset from UTC than in the lines before");
        bill_.offset_s = instant->offset_s;
        line.day = instant->day;
        return {};
    }

    Result<void> take_currency(const std::string& cell, const CsvReader::Row& row,
                               const Place& place) const {
        const bool is_usd = cell.empty() || cell == "USD" || cell == "usd";
        if (is_usd || reading_.usd_per_unit) return {};
        return wrong(at(row, place) + "\"" + cell +
                     "\": say what one is worth, --usd-per-unit 0.14");
    }

    Result<void> take_number(const std::string& cell, const CsvReader::Row& row, const Place& place,
                             Atto& value) const {
        if (cell.empty()) return {};
        const auto parsed = parse_atto(cell);
        if (!parsed) return wrong(at(row, place) + "\"" + cell + "\" is no number");
        value = *parsed;
        return {};
    }

    Result<void> take_figure(const std::string& cell, const CsvReader::Row& row, const Place& place,
                             BillLine& line) const {
        Atto value = 0;
        if (auto ok = take_number(cell, row, place, value); !ok) return ok;
        const bool is_money = place.column == BillColumn::usd;
        if (!is_money && (value % kUnit != 0 || value < 0 || value / kUnit > kCountMax))
            return wrong(at(row, place) + "\"" + cell + "\" is no count");
        line.figures[figure_index(place.column)] += is_money ? in_usd(value) : value / kUnit;
        return {};
    }

    Result<void> take_single(BillColumn figure, Atto amount, Atto unit_price,
                             const CsvReader::Row& row, BillLine& line) const {
        const std::string where = "line " + std::to_string(row.line) + ": ";
        if (amount % kUnit != 0 || amount < 0 || amount / kUnit > kCountMax)
            return wrong(where + "amount is no count");
        const Atto n = amount / kUnit;
        line.figures[figure_index(figure)] += n;
        Atto money = 0;
        if (__builtin_mul_overflow(n, unit_price, &money) || !to_nano(money))
            return wrong(where + "amount times unit_price is too much");
        line.figures[figure_index(BillColumn::usd)] += in_usd(money);
        return {};
    }

    // Cut to 1e-18.
    Atto in_usd(Atto amount) const {
        if (!reading_.usd_per_unit) return amount;
        const Atto rate = *reading_.usd_per_unit;
        return amount / kRateUnit * rate + amount % kRateUnit * rate / kRateUnit;
    }

    std::optional<BillColumn> figure_named(const std::string& cell) const {
        for (const auto& [name, column] : profile_->figures)
            if (name == cell) return column;
        const auto column = column_named(cell);
        return column && is_figure(*column) ? column : std::nullopt;
    }

    const BillReading& reading_;
    CsvReader csv_;
    const BillProfile* profile_ = nullptr;
    std::vector<Place> places_;
    Bill bill_;
};

}  // namespace

Result<Bill> read_bill(std::string_view text, const BillReading& reading) {
    if (static_cast<int64_t>(text.size()) > kBillBytesMax)
        return wrong("larger than " + std::to_string(kBillBytesMax >> 20) + " MiB");
    return Reader(reading, CsvReader(text)).read();
}

}  // namespace billing
