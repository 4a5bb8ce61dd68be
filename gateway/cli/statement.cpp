// weir statement ACCOUNT MONTH: what an account used and paid, as one HTML file to send or print.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "billing/account_statement.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

namespace {

using billing::AccountStatement;
using billing::ReportRow;

struct StatementWords {
    std::string account, month, zone = "UTC", out;
};

constexpr const char* kStyle = R"(
body { font: 14px/1.45 system-ui, sans-serif; color: #1a1a1a; max-width: 60em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em; margin: 0 } h2 { font-size: 1.1em; margin: 2em 0 .5em }
p { margin: .3em 0 } .small { color: #555; font-size: .85em; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { padding: .25em .6em; border-bottom: 1px solid #ddd; text-align: right; font-variant-numeric: tabular-nums }
th { border-bottom: 2px solid #888; font-weight: 600 } .text { text-align: left; overflow-wrap: anywhere }
tr.sum td { border-top: 2px solid #888; font-weight: 600 }
@media print { body { margin: 0; max-width: none; font-size: 10pt } thead { display: table-header-group }
tr { break-inside: avoid } h2 { break-after: avoid } @page { size: A4; margin: 18mm } }
)";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

// "1234567" as "1 234 567", with blanks that do not break.
std::string grouped(int64_t n) {
    std::string digits = std::to_string(n);
    for (size_t at = digits.size(); at > 3 && digits[at - 4] != '-';) {
        at -= 3;
        digits.insert(at, "&#8239;");
    }
    return digits;
}

std::string cell(const std::string& html, bool is_text = false) {
    return std::string(is_text ? "<td class=\"text\">" : "<td>") + html + "</td>";
}

std::string heads(const std::vector<std::string>& texts, const std::vector<std::string>& figures) {
    std::string out = "<table><thead><tr>";
    for (const std::string& text : texts) out += "<th class=\"text\">" + text + "</th>";
    for (const std::string& figure : figures) out += "<th>" + figure + "</th>";
    return out + "</tr></thead><tbody>\n";
}

const std::vector<std::string> kUsageHeads = {"Requests",    "Input",       "Cache read",
                                              "Cache write", "Output",      "Reasoning",
                                              "Charged USD", "Refunded USD"};

std::string usage_cells(const ReportRow& row) {
    const billing::TokenCounts& t = row.tokens;
    std::string out;
    for (const int64_t n : {row.n_requests, t.input_uncached, t.cache_read, t.cache_write,
                            t.output_answer, t.output_reasoning})
        out += cell(grouped(n));
    return out + cell(config::to_string(row.usd)) + cell(config::to_string(row.refunded_usd));
}

std::string usage_table(const std::string& title, const std::vector<std::string>& columns,
                        const std::vector<ReportRow>& rows, const ReportRow& total) {
    std::string out = "<h2>" + title + "</h2>\n" + heads(columns, kUsageHeads);
    for (const ReportRow& row : rows) {
        out += "<tr>";
        for (const std::string& text : row.by)
            out += cell(text.empty() ? "&ndash;" : escaped(text), true);
        out += usage_cells(row) + "</tr>\n";
    }
    out += "<tr class=\"sum\">" + cell("Total", true);
    for (size_t i = 1; i < columns.size(); ++i) out += cell("", true);
    return out + usage_cells(total) + "</tr></tbody></table>\n";
}

std::string movements_table(const AccountStatement& found) {
    if (found.movements.empty()) return "";
    std::string out = "<h2>Credits and refunds</h2>\n" +
                      heads({"When (UTC)", "What", "Account", "Reference"}, {"USD"});
    for (const billing::Movement& movement : found.movements) {
        using Kind = billing::Movement::Kind;
        const bool is_debit = movement.kind == Kind::debit;
        const char* what = is_debit                        ? "Credit taken back"
                           : movement.kind == Kind::refund ? "Refund"
                                                           : "Credit";
        out += "<tr>" + cell(config::to_rfc3339(movement.at).substr(0, 19), true) +
               cell(what, true) + cell(escaped(movement.account), true) +
               cell(escaped(movement.ref), true) +
               cell((is_debit ? "-" : "") + config::to_string(movement.amount)) + "</tr>\n";
    }
    return out + "</tbody></table>\n";
}

std::string balances(const AccountStatement& found) {
    if (!found.opening || !found.closing)
        return "<p>Paid by the account " + escaped(found.payer) + ".</p>\n";
    return "<h2>Balance</h2>\n" + heads({""}, {"USD"}) + "<tr>" + cell("At the beginning", true) +
           cell(config::to_string(*found.opening)) + "</tr>\n<tr>" + cell("At the end", true) +
           cell(config::to_string(*found.closing)) + "</tr></tbody></table>\n";
}

std::string page(const AccountStatement& found) {
    const std::string title = "Statement of " + escaped(found.account) + ", " + found.month;
    std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>" +
                      title + "</title>\n<style>" + kStyle + "</style></head><body>\n<h1>" + title +
                      "</h1>\n";
    out += "<p>" + config::to_rfc3339(found.from) + " to " + config::to_rfc3339(found.to) +
           ", a month of the clock of " + escaped(found.time_zone) +
           ". Requests count where they began.</p>\n";
    if (found.total.n_open > 0) {
        out += "<p>" + std::to_string(found.total.n_open) +
               " requests have not ended yet; they hold " +
               config::to_string(found.total.held_usd) + " USD.</p>\n";
    }
    out += balances(found);
    out += usage_table("By day", {"Day"}, found.by_day, found.total);
    out += usage_table("By model", {"Model"}, found.by_model, found.total);
    out += usage_table("By key", {"Account", "Key", "Name"}, found.by_key, found.total);
    out += movements_table(found);
    return out + "<p class=\"small\">Of the ledger up to entry " + std::to_string(found.n_entries) +
           ", hash " + found.head + ".</p>\n</body></html>\n";
}

int write_page(const std::string& file, const std::string& html) {
    if (file.empty()) {
        std::fputs(html.c_str(), stdout);
        return kExitOk;
    }
    const std::string part = file + ".part";
    std::error_code error;
    {
        std::ofstream out(part, std::ios::binary | std::ios::trunc);
        out << html;
        out.close();
        if (!out) error = std::make_error_code(std::errc::io_error);
    }
    if (!error) std::filesystem::rename(part, file, error);
    if (!error) return kExitOk;
    std::fprintf(stderr, "weir: %s cannot be written: %s\n", file.c_str(), error.message().c_str());
    std::filesystem::remove(part, error);
    return kExitNo;
}

int statement(const Invocation& invocation, const StatementWords& words) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    const auto found =
        billing::account_statement(config->ledger.path, words.account, words.month, words.zone);
    if (found) return write_page(words.out, page(*found));
    std::fprintf(stderr, "weir: %s\n", found.error().detail.c_str());
    const bool is_usage = found.error().code == billing::Errc::query_invalid ||
                          found.error().code == billing::Errc::time_zone_unknown;
    return is_usage ? kExitUsage : kExitNo;
}

}  // namespace

void add_statement(CLI::App& app, Invocation& invocation) {
    CLI::App* command = app.add_subcommand(
        "statement", "What an account and all below it used and paid in a month, as an HTML page");
    const auto words = std::make_shared<StatementWords>();
    command->add_option("ACCOUNT", words->account, "Its path: org/team")->required();
    command->add_option("MONTH", words->month, "As 2026-10")->required();
    command->add_option("--tz", words->zone,
                        "IANA time zone of the month and its days (default UTC)");
    command->add_option("--out", words->out, "The file to write (default: standard output)");
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return statement(invocation, *words); };
    });
}

}  // namespace gateway
