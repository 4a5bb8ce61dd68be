// weir show: what the running server does, asked over the socket beside its ledger.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"
#include "gateway/control/control_server.h"
#include "gateway/control/control_socket.h"

namespace gateway {

namespace {

using nlohmann::ordered_json;

// A value as a cell: texts bare, lists with commas, null as "-".
std::string shown_cell(const ordered_json& value) {
    if (value.is_null()) return "-";
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const ordered_json& item : value) text += (text.empty() ? "" : ",") + shown_cell(item);
    return text.empty() ? "-" : text;
}

struct Column {
    const char* title;
    const char* member;
};

// "ENDPOINT  BREAKER ..." over a list of objects; nothing of an empty list.
void print_table(const ordered_json& rows, std::span<const Column> columns) {
    if (rows.empty()) return;
    std::vector<std::vector<std::string>> cells(1);
    for (const Column& column : columns) cells[0].emplace_back(column.title);
    for (const ordered_json& row : rows) {
        auto& line = cells.emplace_back();
        for (const Column& column : columns)
            line.push_back(row.contains(column.member) ? shown_cell(row[column.member]) : "-");
    }
    std::printf("\n");
    for (const auto& line : cells) {
        std::string text;
        for (size_t i = 0; i < columns.size(); ++i) {
            size_t width = 0;
            for (const auto& other : cells) width = std::max(width, other[i].size());
            text += line[i] + std::string(width - line[i].size() + 2, ' ');
        }
        text.resize(text.find_last_not_of(' ') + 1);
        std::printf("%s\n", text.c_str());
    }
}

void print_shown(const ordered_json& shown, const config::Config& file) {
    const auto cell = [&](const char* section, const char* member) {
        return shown_cell(shown.at(section).at(member));
    };
    std::printf("weir %s, pid %s, %s since %s (%s s)\n", shown_cell(shown.at("version")).c_str(),
                shown_cell(shown.at("pid")).c_str(), shown_cell(shown.at("state")).c_str(),
                shown_cell(shown.at("started")).c_str(), shown_cell(shown.at("uptime_s")).c_str());
    std::printf("config %s, hash %s, loaded %s\n", cell("config", "file").c_str(),
                cell("config", "hash").c_str(), cell("config", "loaded").c_str());
    if (shown["config"]["last_reload_refused"])
        std::printf("  the last reload was refused; its log says why\n");
    if (file.digest != shown["config"]["hash"])
        std::printf("  the file has changed since (%s); kill -HUP loads it\n", file.digest.c_str());
    for (const auto& [name, address] : shown["listening"].items())
        std::printf("listening %s %s\n", name.c_str(), shown_cell(address).c_str());
    std::printf("requests %s of %s, connections %s of %s\n", cell("requests", "running").c_str(),
                cell("requests", "running_max").c_str(), cell("connections", "open").c_str(),
                cell("connections", "open_max").c_str());
    for (const auto& [whose, limit] : shown["limits"].items())
        std::printf("%s %s\n", whose.c_str(), limit.dump().c_str());
    std::printf("ledger %s, %s; %s open holds of %s USD, %s entries queued of %s\n",
                cell("ledger", "path").c_str(),
                shown["ledger"]["available"] ? "written" : "CANNOT BE WRITTEN",
                cell("ledger", "reservations_open").c_str(), cell("ledger", "reserved_usd").c_str(),
                cell("ledger", "entries_queued").c_str(),
                cell("ledger", "entries_queued_max").c_str());
    constexpr Column kEndpoints[] = {{"ENDPOINT", "name"},
                                     {"BREAKER", "breaker"},
                                     {"RUNNING", "running"},
                                     {"TTFT_S", "first_token_s"},
                                     {"TOKENS_PER_S", "tokens_per_s"},
                                     {"PRICE", "price"},
                                     {"UPSTREAM", "upstream"},
                                     {"MODEL", "model"},
                                     {"ENGINE", "engine"}};
    print_table(shown["endpoints"], kEndpoints);
    constexpr Column kUpstreams[] = {{"UPSTREAM", "name"},
                                     {"KIND", "kind"},
                                     {"INFLIGHT", "inflight"},
                                     {"MAX", "inflight_max"},
                                     {"REQUESTS_10S", "requests_10s"},
                                     {"FURTHER_10S", "further_attempts_10s"},
                                     {"RETRIES_LEFT", "retries_left"},
                                     {"URL", "base_url"}};
    print_table(shown["upstreams"], kUpstreams);
    constexpr Column kEngines[] = {{"ENGINE", "name"},
                                   {"SEQUENCES", "sequences"},
                                   {"MAX", "sequences_max"},
                                   {"WAITING", "waiting"},
                                   {"MAX", "waiting_max"},
                                   {"KV_TOKENS", "kv_tokens"},
                                   {"CACHE_BYTES", "prefix_cache_bytes"},
                                   {"MAX", "prefix_cache_bytes_max"}};
    print_table(shown["engines"], kEngines);
    constexpr Column kRoutes[] = {{"ROUTE", "name"},
                                  {"ALIASES", "aliases"},
                                  {"ORDER", "order"},
                                  {"PLAN", "plan"},
                                  {"CONDITIONAL", "conditional"},
                                  {"CANARY", "canary"},
                                  {"KEY_LIMITS", "limits_of_each_key"},
                                  {"ACCOUNT_LIMITS", "limits_of_each_account"}};
    print_table(shown["routes"], kRoutes);
}

int show(const Invocation& invocation, bool as_json) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    const auto answer = ask_owner(control_socket_of(config->ledger.path), kShowCommand);
    if (!answer) {
        std::fprintf(stderr, "weir: no server runs on the ledger %s; start one with: weir serve\n",
                     config->ledger.path.c_str());
        return kExitNo;
    }
    const auto shown = ordered_json::parse(*answer, nullptr, false);
    if (!shown.is_object() || !shown.value("ok", false)) {
        const std::string why = shown.is_object() ? shown.value("error", "") : "";
        std::fprintf(stderr, "weir: %s\n", why.empty() ? "malformed answer" : why.c_str());
        return kExitNo;
    }
    if (as_json)
        std::printf("%s\n", shown.dump().c_str());
    else
        print_shown(shown, *config);
    return kExitOk;
}

}  // namespace

void add_show(CLI::App& app, Invocation& invocation) {
    CLI::App* command = app.add_subcommand(
        "show", "What the running server does: config, routes, endpoints, breakers, load, limits");
    const auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json);
    command->callback([&invocation, as_json] {
        invocation.run = [&invocation, as_json] { return show(invocation, *as_json); };
    });
}

}  // namespace gateway
