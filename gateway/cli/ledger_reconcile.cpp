// weir ledger reconcile BILL.csv: a vendor's bill against the attempts in the ledger.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "billing/reconcile.h"
#include "billing/report_time.h"
#include "billing/request_names.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

namespace {

using billing::BillColumn;
using billing::Comparison;
using nlohmann::ordered_json;

struct LedgerReconcileWords {
    std::string bill, profile, from, to, rate, tolerance_usd;
    std::vector<std::string> columns, models, upstreams, endpoints;
    int64_t tolerance_ppm = 0;
    bool json = false, list_profiles = false;
};

int complain(const std::string& why, int code) {
    std::fprintf(stderr, "weir: %s\n", why.c_str());
    return code;
}

tl::unexpected<std::string> refused(const std::string& why) {
    return tl::unexpected(why);
}

tl::expected<std::string, std::string> read_file(const std::string& name) {
    std::error_code error;
    const auto size = std::filesystem::file_size(name, error);
    if (error) return refused(name + ": " + error.message());
    if (size > static_cast<uintmax_t>(billing::kBillBytesMax)) {
        return refused(name + ": larger than " + std::to_string(billing::kBillBytesMax >> 20) +
                       " MiB; split it by month");
    }
    std::ifstream in(name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) return refused(name + ": cannot be read");
    return text;
}

// "A=B" each.
tl::expected<std::map<std::string, std::string>, std::string> pairs(
    const std::vector<std::string>& words, const char* option) {
    std::map<std::string, std::string> out;
    for (const std::string& word : words) {
        const size_t at = word.find('=');
        if (at == 0 || at == word.npos || at + 1 == word.size())
            return refused(std::string(option) + " \"" + word + "\": as NAME=NAME");
        out.insert_or_assign(word.substr(0, at), word.substr(at + 1));
    }
    return out;
}

tl::expected<billing::BillReading, std::string> reading_of(const LedgerReconcileWords& words) {
    billing::BillReading reading;
    reading.profile = words.profile;
    auto columns = pairs(words.columns, "--column");
    if (!columns) return refused(columns.error());
    reading.columns = std::move(*columns);
    auto models = pairs(words.models, "--model");
    if (!models) return refused(models.error());
    reading.models = std::move(*models);
    if (!words.rate.empty()) {
        reading.usd_per_unit = config::parse_rate(words.rate);
        if (!reading.usd_per_unit || *reading.usd_per_unit == 0)
            return refused("--usd-per-unit \"" + words.rate +
                           "\": a number above 0, at most nine decimals");
    }
    return reading;
}

// Those that are named, else all that are no engine's.
tl::expected<std::set<std::string>, std::string> endpoints_of(const config::Config& config,
                                                              const LedgerReconcileWords& words) {
    std::set<std::string> endpoints(words.endpoints.begin(), words.endpoints.end());
    if (!endpoints.empty()) return endpoints;  // also one that the config no longer has
    std::set<std::string> wanted(words.upstreams.begin(), words.upstreams.end());
    for (const config::Endpoint& endpoint : config.endpoints) {
        if (!endpoint.upstream) continue;
        const std::string& upstream = config.upstreams[*endpoint.upstream].name;
        if (words.upstreams.empty() || wanted.contains(upstream)) endpoints.insert(endpoint.name);
    }
    for (const config::Upstream& upstream : config.upstreams) wanted.erase(upstream.name);
    if (!wanted.empty()) return refused("no upstream \"" + *wanted.begin() + "\" in the config");
    if (endpoints.empty())
        return refused("the config has no endpoint at an upstream: name them, --endpoint NAME");
    return endpoints;
}

tl::expected<billing::ReconcileQuery, std::string> query_of(const config::Config& config,
                                                            const LedgerReconcileWords& words) {
    billing::ReconcileQuery query;
    for (const auto& [text, day] : {std::pair(&words.from, &query.from), {&words.to, &query.to}}) {
        if (text->empty()) continue;
        const auto parsed = config::parse_date(*text);
        if (!parsed) return refused("\"" + *text + "\" is no date; as 2026-10-01");
        *day = *parsed;
    }
    auto endpoints = endpoints_of(config, words);
    if (!endpoints) return refused(endpoints.error());
    query.endpoints = std::move(*endpoints);
    query.tolerance_ppm = words.tolerance_ppm;
    if (!words.tolerance_usd.empty()) {
        const auto amount = config::parse_usd(words.tolerance_usd);
        if (!amount) return refused("--tolerance-usd \"" + words.tolerance_usd + "\": as 0.01");
        query.tolerance_usd = *amount;
    }
    return query;
}

std::string column_name(BillColumn column) {
    return std::string(billing::kBillColumnNames[static_cast<size_t>(column)]);
}

std::string figure_text(BillColumn column, billing::Atto value) {
    if (column != BillColumn::usd) return std::to_string(static_cast<int64_t>(value));
    const auto nano = billing::to_nano(value);
    return nano ? config::to_string(*nano) : "beyond 9,000,000,000";
}

std::vector<BillColumn> figures_of(const billing::Reconciliation& found) {
    std::vector<BillColumn> columns;
    for (const BillColumn column : found.states)
        if (column != BillColumn::request_id) columns.push_back(column);
    return columns;
}

const char* why(const Comparison& request) {
    if (request.is_unbilled()) return "not in the bill";
    if (request.is_unknown()) return "not in the ledger";
    if (request.is_billed_twice()) return "billed more than once";
    return "figures differ";
}

ordered_json attempts_json(const std::vector<billing::BilledAttempt>& attempts,
                           billing::RequestNames& names) {
    ordered_json out = ordered_json::array();
    for (const auto& attempt : attempts)
        out.push_back({{"request", names.name(attempt.request)}, {"attempt", attempt.n}});
    return out;
}

ordered_json comparison_json(const Comparison& both, const billing::Reconciliation& found) {
    ordered_json bill = ordered_json::object(), ledger = ordered_json::object();
    for (const BillColumn column : figures_of(found)) {
        const size_t at = billing::figure_index(column);
        for (const auto& [side, values] : {std::pair(&bill, &both.bill), {&ledger, &both.ledger}}) {
            if (column == BillColumn::usd)
                (*side)[column_name(column)] = figure_text(column, (*values)[at]);
            else
                (*side)[column_name(column)] = static_cast<int64_t>((*values)[at]);
        }
    }
    return {{"day", billing::Zone::day_text(both.day)},
            {"model", both.model},
            {"differs", both.differs},
            {"bill", std::move(bill)},
            {"ledger", std::move(ledger)},
            {"attempts", both.n_attempts},
            {"failed", both.n_failed},
            {"lines", both.lines}};
}

void print_json(const billing::Reconciliation& found, billing::RequestNames& names) {
    ordered_json groups = ordered_json::array(), requests = ordered_json::array();
    for (const Comparison& group : found.groups) groups.push_back(comparison_json(group, found));
    for (const Comparison& request : found.requests) {
        ordered_json out = comparison_json(request, found);
        out["request_id"] = request.request_id;
        out["why"] = why(request);
        out["attempts"] = attempts_json(request.attempts, names);
        requests.push_back(std::move(out));
    }
    const ordered_json out{{"agrees", found.agrees},
                           {"profile", found.profile},
                           {"from", billing::Zone::day_text(found.from)},
                           {"to", billing::Zone::day_text(found.to)},
                           {"utc_offset_s", found.offset_s},
                           {"days", std::move(groups)},
                           {"requests", std::move(requests)},
                           {"attempts_without_id", attempts_json(found.without_id, names)}};
    std::printf("%s\n", out.dump(2).c_str());
}

std::string lines_text(const std::vector<int64_t>& lines) {
    constexpr size_t kShown = 8;
    if (lines.empty()) return "no line";
    std::string out = lines.size() == 1 ? "line " : "lines ";
    for (size_t i = 0; i < std::min(lines.size(), kShown); ++i)
        out += (i == 0 ? "" : ", ") + std::to_string(lines[i]);
    if (lines.size() > kShown) out += " and " + std::to_string(lines.size() - kShown) + " more";
    return out;
}

void print_figures(const Comparison& both, const billing::Reconciliation& found) {
    for (const BillColumn column : figures_of(found)) {
        const size_t at = billing::figure_index(column);
        if (both.bill[at] == both.ledger[at]) continue;
        std::printf("    %-22s bill %s, ledger %s, difference %s\n", column_name(column).c_str(),
                    figure_text(column, both.bill[at]).c_str(),
                    figure_text(column, both.ledger[at]).c_str(),
                    figure_text(column, both.bill[at] - both.ledger[at]).c_str());
    }
}

void print(const billing::Reconciliation& found, billing::RequestNames& names) {
    std::printf("profile %s, %s to %s (days %+d s from UTC)\n", found.profile.c_str(),
                billing::Zone::day_text(found.from).c_str(),
                billing::Zone::day_text(found.to).c_str(), static_cast<int>(found.offset_s));
    for (const Comparison& group : found.groups) {
        std::printf("%s  %s  %s: %s, %lld attempts of which %lld failed\n",
                    billing::Zone::day_text(group.day).c_str(), group.model.c_str(),
                    group.differs ? "DIFFERS" : "agrees", lines_text(group.lines).c_str(),
                    static_cast<long long>(group.n_attempts),
                    static_cast<long long>(group.n_failed));
        if (group.differs) print_figures(group, found);
    }
    for (const Comparison& request : found.requests) {
        std::string ours;
        for (const auto& attempt : request.attempts)
            ours += " " + names.name(attempt.request) + " attempt " + std::to_string(attempt.n);
        std::printf("%s: %s; %s;%s\n", request.request_id.c_str(), why(request),
                    lines_text(request.lines).c_str(), ours.empty() ? " no attempt" : ours.c_str());
        if (!request.is_unbilled() && !request.is_unknown()) print_figures(request, found);
    }
    for (const auto& attempt : found.without_id) {
        std::printf("%s attempt %lld: used tokens, and the upstream named no request id\n",
                    names.name(attempt.request).c_str(), static_cast<long long>(attempt.n));
    }
    std::printf(found.agrees ? "agrees\n" : "DIFFERS\n");
}

int list_profiles() {
    for (const billing::BillProfile& profile : billing::bill_profiles())
        std::printf("%s\n    %s\n", profile.name.c_str(), profile.source.c_str());
    return kExitOk;
}

int reconcile(const Invocation& invocation, const LedgerReconcileWords& words) {
    if (words.list_profiles) return list_profiles();
    if (words.bill.empty())
        return complain("which bill? weir ledger reconcile BILL.csv", kExitUsage);
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    const auto reading = reading_of(words);
    if (!reading) return complain(reading.error(), kExitUsage);
    const auto query = query_of(*config, words);
    if (!query) return complain(query.error(), kExitUsage);
    const auto text = read_file(words.bill);
    if (!text) return complain(text.error(), kExitUsage);
    const auto bill = billing::read_bill(*text, *reading);
    if (!bill) return complain(bill.error().detail, kExitUsage);
    const auto found = billing::reconcile(config->ledger.path, *bill, *query);
    if (!found) return complain(found.error().detail, kExitUsage);
    const auto names = billing::open_request_names(config->ledger.path);
    if (!names) return complain(names.error().detail, kExitUsage);
    if (words.json)
        print_json(*found, **names);
    else
        print(*found, **names);
    return found->agrees ? kExitOk : kExitNo;
}

}  // namespace

// Exit codes: 0 agrees, 1 differs, 2 what was asked cannot be answered.
void add_ledger_reconcile(CLI::App& ledger, Invocation& invocation) {
    CLI::App* command = ledger.add_subcommand(
        "reconcile", "Hold a vendor's bill to the attempts in the ledger; exit 1 if they differ");
    const auto words = std::make_shared<LedgerReconcileWords>();
    command->add_option("BILL", words->bill, "A CSV file, a line per request or per day and model");
    command->add_option("--profile", words->profile,
                        "Whose file it is (default: by its first line)");
    command->add_flag("--profiles", words->list_profiles, "Show the profiles and their sources");
    command->add_option("--column", words->columns,
                        "MEANING=NAME, as time=Date, for a file of no profile");
    command->add_option("--model", words->models,
                        "THEIRS=OURS, where the bill names a model otherwise");
    command->add_option("--upstream", words->upstreams, "Only endpoints at these upstreams");
    command->add_option("--endpoint", words->endpoints,
                        "Only these endpoints (default: all that are at an upstream)");
    command->add_option("--from", words->from, "First day (default: the bill's)");
    command->add_option("--to", words->to, "Day after the last (default: the bill's)");
    command->add_option("--usd-per-unit", words->rate,
                        "What one unit of the bill's currency is worth");
    command
        ->add_option("--tolerance-ppm", words->tolerance_ppm,
                     "Millionths of a figure that may differ (default 0)")
        ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}));
    command->add_option("--tolerance-usd", words->tolerance_usd,
                        "USD that a row may differ by (default 0)");
    command->add_flag("--json", words->json);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return reconcile(invocation, *words); };
    });
}

}  // namespace gateway
