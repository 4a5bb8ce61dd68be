// weir report: usage and money, grouped; a query on the ledger, whether or not a server runs.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "billing/report.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"
#include "gateway/cli/csv_cell.h"
#include "gateway/cli/report_focus.h"

namespace gateway {

namespace {

struct ReportWords {
    std::string from, to, zone = "UTC", by, account;
    bool json = false, csv = false, focus = false;
};

constexpr const char* kFigures[] = {"requests",    "input_uncached", "cache_read",
                                    "cache_write", "output_answer",  "output_reasoning"};
constexpr const char* kMoney[] = {"usd", "refunded_usd", "operator_usd", "margin_usd", "held_usd"};
constexpr const char* kCounts[] = {"open_holds", "counted_input", "upstream_input",
                                   "counted_output", "upstream_output"};
constexpr const char* kErrors[] = {"open_holds", "error_input", "error_output"};

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> words;
    std::istringstream in(text);
    for (std::string word; std::getline(in, word, ',');)
        if (!word.empty()) words.push_back(word);
    return words;
}

std::vector<int64_t> figures(const billing::ReportRow& row) {
    return {row.n_requests,         row.tokens.input_uncached, row.tokens.cache_read,
            row.tokens.cache_write, row.tokens.output_answer,  row.tokens.output_reasoning};
}

std::vector<std::string> money(const billing::ReportRow& row) {
    return {config::to_string(row.usd), config::to_string(row.refunded_usd),
            config::to_string(row.operator_usd), config::to_string(row.margin()),
            config::to_string(row.held_usd)};
}

std::vector<int64_t> counts(const billing::ReportRow& row) {
    return {row.n_open, row.counted_input, row.upstream_input, row.counted_output,
            row.upstream_output};
}

// How far our count is from the upstream's, in hundredths of a percent: "+0.12%".
std::string error_bar(int64_t ours, int64_t theirs) {
    if (theirs == 0) return ours == 0 ? "-" : "new";
    const int64_t parts = (ours - theirs) * 10'000 / theirs;
    const int64_t size = parts < 0 ? -parts : parts;
    const std::string rest = std::to_string(size % 100);
    return (parts < 0 ? "-" : "+") + std::to_string(size / 100) + (rest.size() < 2 ? ".0" : ".") +
           rest + "%";
}

std::vector<std::string> errors(const billing::ReportRow& row) {
    return {std::to_string(row.n_open), error_bar(row.counted_input, row.upstream_input),
            error_bar(row.counted_output, row.upstream_output)};
}

void print_json(const std::vector<billing::ReportRow>& rows, const std::vector<std::string>& by) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const billing::ReportRow& row : rows) {
        nlohmann::ordered_json object;
        for (size_t i = 0; i < by.size(); ++i) object[by[i]] = row.by[i];
        const auto values = figures(row);
        for (size_t i = 0; i < values.size(); ++i) object[kFigures[i]] = values[i];
        const auto amounts = money(row);
        for (size_t i = 0; i < amounts.size(); ++i) object[kMoney[i]] = amounts[i];
        const auto numbers = counts(row);
        for (size_t i = 0; i < numbers.size(); ++i) object[kCounts[i]] = numbers[i];
        all.push_back(std::move(object));
    }
    std::printf("%s\n", all.dump(2).c_str());
}

void print_csv(const std::vector<billing::ReportRow>& rows, const std::vector<std::string>& by) {
    std::string out;
    for (const std::string& column : by) out += column + ",";
    for (const char* figure : kFigures) out += std::string(figure) + ",";
    for (const char* column : kMoney) out += std::string(column) + ",";
    for (size_t i = 0; i < std::size(kCounts); ++i)
        out += kCounts[i] + std::string(i + 1 < std::size(kCounts) ? "," : "\n");
    for (const billing::ReportRow& row : rows) {
        for (const std::string& cell : row.by) out += csv_cell(cell) + ",";
        for (const int64_t value : figures(row)) out += std::to_string(value) + ",";
        for (const std::string& amount : money(row)) out += amount + ",";
        const auto numbers = counts(row);
        for (size_t i = 0; i < numbers.size(); ++i)
            out += std::to_string(numbers[i]) + (i + 1 < numbers.size() ? "," : "\n");
    }
    std::fputs(out.c_str(), stdout);
}

void print_table(const std::vector<billing::ReportRow>& rows, const std::vector<std::string>& by) {
    std::vector<std::vector<std::string>> cells(1);
    cells[0].insert(cells[0].end(), by.begin(), by.end());
    cells[0].insert(cells[0].end(), std::begin(kFigures), std::end(kFigures));
    cells[0].insert(cells[0].end(), std::begin(kMoney), std::end(kMoney));
    cells[0].insert(cells[0].end(), std::begin(kErrors), std::end(kErrors));
    for (const billing::ReportRow& row : rows) {
        std::vector<std::string> line = row.by;
        for (const int64_t value : figures(row)) line.push_back(std::to_string(value));
        for (std::string& amount : money(row)) line.push_back(std::move(amount));
        for (std::string& error : errors(row)) line.push_back(std::move(error));
        cells.push_back(std::move(line));
    }
    std::vector<size_t> widths(cells[0].size());
    for (const auto& line : cells)
        for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
    for (const auto& line : cells) {
        for (size_t i = 0; i < line.size(); ++i) {
            const std::string pad(widths[i] - line[i].size(), ' ');
            const bool is_name = i < by.size();
            std::printf("%s%s%s", i == 0 ? "" : "  ", is_name ? line[i].c_str() : pad.c_str(),
                        is_name ? pad.c_str() : line[i].c_str());
        }
        std::printf("\n");
    }
}

int run(const Invocation& invocation, const ReportWords& words) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    billing::ReportQuery query;
    query.time_zone = words.zone;
    query.account = words.account;
    query.by = words.focus ? focus_columns() : split(words.by);
    const auto complain = [](const billing::Error& error) {
        std::fprintf(stderr, "weir: %s\n", error.detail.c_str());
        return error.code == billing::Errc::query_invalid ||
                       error.code == billing::Errc::time_zone_unknown
                   ? kExitUsage
                   : kExitNo;
    };
    for (const auto& [text, time] : {std::pair(&words.from, &query.from), {&words.to, &query.to}}) {
        if (text->empty()) continue;
        const auto parsed = billing::parse_report_time(*text, words.zone);
        if (!parsed) return complain(parsed.error());
        *time = *parsed;
    }
    const auto rows = billing::report(config->ledger.path, query);
    if (!rows) return complain(rows.error());
    if (words.focus) return print_focus(*rows, words.zone);
    if (words.json)
        print_json(*rows, query.by);
    else if (words.csv)
        print_csv(*rows, query.by);
    else
        print_table(*rows, query.by);
    return kExitOk;
}

}  // namespace

void add_report(CLI::App& app, Invocation& invocation) {
    CLI::App* report = app.add_subcommand("report", "Usage and cost, summed from the ledger");
    const auto words = std::make_shared<ReportWords>();
    report->add_option("--from", words->from, "RFC 3339 time or date, included");
    report->add_option("--to", words->to, "RFC 3339 time or date, excluded");
    report->add_option("--account", words->account,
                       "Only this account and those below it, as they were named then");
    report->add_option("--tz", words->zone, "IANA time zone of dates and days (default UTC)");
    report->add_option(
        "--by", words->by,
        "Columns, by commas: account,key,name,label:NAME,route,endpoint,model,outcome,"
        "day,hour");
    CLI::Option* json = report->add_flag("--json", words->json);
    CLI::Option* csv = report->add_flag("--csv", words->csv)->excludes(json);
    report
        ->add_flag("--focus", words->focus,
                   "CSV in the columns of FOCUS 1.2: a row per day, account, key and model")
        ->excludes(json)
        ->excludes(csv);
    report->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return run(invocation, *words); };
    });
}

}  // namespace gateway
