// How long reports take over N requests of 90 days, 200 accounts in 20 organisations and 8
// endpoints, each with one attempt: report_bench [N [FOLDER]]. Bound: 2 s each at 5,000,000 (10
// million entries). With a folder the ledger stays there, and is used again.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "billing/billing.h"
#include "billing/blocking_waiter.h"
#include "billing/ledger_file.h"
#include "billing/report.h"
#include "billing/rollup.h"

namespace {

using namespace billing;

constexpr int kAccounts = 200;
constexpr int kEndpoints = 8;
constexpr int64_t kDaysMs = 90LL * 86'400'000;

int64_t wall_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// One request of each account, which brings all that the others refer to.
void make_accounts(const std::filesystem::path& file) {
    Options options;
    options.path = file;
    auto billing = Billing::open(options).value();
    const auto hasher = billing->make_hasher();
    AppliedPrice price;
    price.name = "house";
    price.tariff.rates = {200'000, 20'000, 200'000, 400'000, 400'000};
    price.text = std::make_shared<const std::string>("a version");
    for (int i = 0; i < kAccounts; ++i) {
        const std::string organisation = "org-" + std::to_string(i / 10);
        if (i % 10 == 0) {
            billing->create_account(organisation).value();
            (void)billing->add_credit(organisation, NanoUsd{1'000'000'000'000});
        }
        const std::string path = organisation + "/team-" + std::to_string(i % 10);
        NewAccount account;
        account.path = path;
        account.wallet = Wallet::none;
        billing->create_account(account).value();
        const Caller caller =
            billing->authenticate(*hasher, billing->create_key(path).value()).value();
        BlockingWaiter reserved;
        const UnixMillis now{1'800'000'000'000};
        const Hold hold =
            billing
                ->reserve({caller, "route-" + std::to_string(i % 4), NanoUsd{50'000'000}, now},
                          reserved)
                .value();
        const std::string endpoint = "endpoint-" + std::to_string(i % kEndpoints);
        const std::string model = "model-" + std::to_string(i % kEndpoints);
        Settlement settlement;
        settlement.endpoint = endpoint;
        settlement.model = model;
        settlement.price = &price;
        settlement.tokens = {1'200, 0, 0, 350, 0};
        settlement.now = now;
        BlockingWaiter settled;
        billing->settle(hold, settlement, &settled);
        if (!reserved.wait() || !settled.wait()) std::abort();
    }
}

// Rows of a table, in the order of their numbers.
std::vector<std::array<int64_t, 3>> rows_of(Database& database, const std::string& sql) {
    auto rows = database.prepare(sql).value();
    std::vector<std::array<int64_t, 3>> all;
    while (rows.step() == Statement::Step::row)
        all.push_back({rows.integer(0), rows.integer(1), rows.integer(2)});
    return all;
}

void append_requests(const std::filesystem::path& file, int64_t n_requests) {
    auto ledger = LedgerFile::open(file, {}).value();
    Database& database = ledger->database();
    const auto callers = rows_of(database, "SELECT id, account, key FROM attributions");
    const auto reserves =
        rows_of(database, "SELECT DISTINCT route, 0, 0 FROM entries WHERE kind = 1");
    const auto settles =
        rows_of(database, "SELECT DISTINCT endpoint, model, price FROM entries WHERE kind = 2");
    const auto last = rows_of(database, "SELECT max(request), max(at), 0 FROM entries").at(0);
    ChainHead head = ledger->read_head().value();
    std::minstd_rand random(1);
    for (int64_t i = 1; i <= n_requests; ++i) {
        if (i % 4'096 == 1 && !ledger->begin()) std::abort();
        const UnixMillis at{last[1] + i * kDaysMs / n_requests};
        const auto& caller = callers[random() % callers.size()];
        const auto& answered = settles[random() % settles.size()];
        const int64_t request = last[0] + i;
        Entry reserve(Kind::reserve, at);
        reserve.set(Column::request, request);
        reserve.set(Column::account, caller[1]);
        reserve.set(Column::key, caller[2]);
        reserve.set(Column::route, reserves[random() % reserves.size()][0]);
        reserve.set(Column::amount, 50'000'000);
        reserve.set(Column::subject, caller[0]);
        AttemptRow attempt;
        attempt.request = request;
        attempt.n = 1;
        attempt.endpoint = answered[0];
        attempt.model = answered[1];
        attempt.price = answered[2];
        attempt.started = attempt.ended = at;
        attempt.source = CountSource::upstream;
        attempt.tokens = {static_cast<int64_t>(random() % 30'000), 0, 0, 400, 600};
        attempt.upstream_tokens = TokenCounts{1'200, 25'000, 0, 350, 700};
        attempt.cost = {static_cast<int64_t>(random() % 9'000'000)};
        Entry settle(Kind::settle, at);
        settle.set(Column::request, request);
        settle.set(Column::account, caller[1]);
        settle.set(Column::amount, attempt.cost.n);
        settle.set(Column::endpoint, answered[0]);
        settle.set(Column::model, answered[1]);
        settle.set(Column::price, answered[2]);
        settle.set(Column::source, 1);
        settle.set(Column::outcome, random() % 20 == 0 ? 1 : 0);
        settle.set(Column::flags, 0);
        settle.set_tokens(Column::input_uncached, attempt.tokens);
        settle.set(Column::subject, i);
        const Definition attempts = Attempts{{attempt}};
        if (!ledger->append(reserve, nullptr, head)) std::abort();
        if (!ledger->append(settle, &attempts, head)) std::abort();
        if ((i % 4'096 == 0 || i == n_requests) && !ledger->commit()) std::abort();
    }
}

void roll_up(const std::filesystem::path& file) {
    auto ledger = LedgerFile::open(file, {}).value();
    const int64_t n = ledger->read_head().value().seq;
    constexpr int64_t kMax = RollupPace{}.n_entries_max;
    int64_t n_rollups = 0;
    int64_t slowest = 0;
    int64_t n_bytes = 0;
    const int64_t begun = wall_ms();
    for (RollupEnd end = rollups_end(ledger->database()).value(); end.end + kMax <= n + 1;
         end = rollups_end(ledger->database()).value()) {
        const int64_t before = wall_ms();
        const SeqRange range{end.end, end.end + kMax};
        const Rollup rollup = make_rollup(ledger->database(), range, end.open_from).value();
        if (!ledger->begin() || !ledger->rollups().put(rollup) || !ledger->commit()) std::abort();
        slowest = std::max(slowest, wall_ms() - before);
        n_bytes += static_cast<int64_t>(rollup.cells.size());
        ++n_rollups;
    }
    if (n_rollups == 0) return;
    std::printf("%lld roll-ups, %lld MB, of %lld entries each: %lld ms each, at most %lld\n",
                static_cast<long long>(n_rollups), static_cast<long long>(n_bytes >> 20),
                static_cast<long long>(kMax),
                static_cast<long long>((wall_ms() - begun) / n_rollups),
                static_cast<long long>(slowest));
}

// Milliseconds, the least of three; the sum of requests is what they all must agree in.
int64_t time_report(const std::filesystem::path& file, const ReportQuery& query, int64_t& total,
                    size_t& n_rows) {
    int64_t least = INT64_MAX;
    for (int round = 0; round < 3; ++round) {
        const int64_t begun = wall_ms();
        const auto rows = report(file, query).value();
        least = std::min(least, wall_ms() - begun);
        total = 0;
        for (const ReportRow& row : rows) total += row.n_requests;
        n_rows = rows.size();
    }
    return least;
}

int measure(const std::filesystem::path& file) {
    const std::vector<std::vector<std::string>> groupings = {
        {},        {"day"},     {"hour"},      {"account"},
        {"key"},   {"name"},    {"route"},     {"endpoint"},
        {"model"}, {"outcome"}, {"label:env"}, {"day", "account", "endpoint"}};
    int64_t expected = -1;
    int64_t slowest = 0;
    const auto run = [&](const std::string& what, const ReportQuery& query, bool is_all) {
        int64_t total = 0;
        size_t n_rows = 0;
        const int64_t ms = time_report(file, query, total, n_rows);
        std::printf("%-44s %7zu rows %6lld ms\n", what.c_str(), n_rows, static_cast<long long>(ms));
        slowest = std::max(slowest, ms);
        if (is_all && expected < 0) expected = total;
        if (is_all && total != expected) std::abort();
    };
    for (const char* zone : {"UTC", "Asia/Singapore", "Asia/Kolkata", "America/Bogota"}) {
        for (const auto& by : groupings) {
            const bool is_timed = !by.empty() && (by[0] == "day" || by[0] == "hour");
            if (std::string_view(zone) != "UTC" && !is_timed) continue;
            ReportQuery query;
            query.time_zone = zone;
            query.by = by;
            std::string what = zone;
            for (const std::string& column : by) what += " " + column;
            run(what, query, true);
        }
    }
    ReportQuery query;
    query.account = "org-7";
    query.by = {"day", "endpoint"};
    run("UTC day endpoint, of org-7", query, false);
    const auto database = Database::open(file, Database::Mode::read_only);
    query.account.clear();
    query.from = UnixMillis{1'800'000'000'000};
    run("from an instant within a quarter hour", query, false);
    std::printf("slowest: %lld ms\n", static_cast<long long>(slowest));
    return slowest < 2'000 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const int64_t n_requests = argc > 1 ? std::atoll(argv[1]) : 5'000'000;
    std::string folder = (std::filesystem::temp_directory_path() / "weir-bench-XXXXXX").string();
    if (argc > 2)
        folder = argv[2];
    else if (::mkdtemp(folder.data()) == nullptr)
        return 1;
    const std::filesystem::path file = std::filesystem::path(folder) / "ledger.db";
    if (!std::filesystem::exists(file)) {
        make_accounts(file);
        append_requests(file, n_requests);
    }
    roll_up(file);
    const int result = measure(file);
    if (argc <= 2) std::filesystem::remove_all(folder);
    return result;
}
