// What a request costs the ledger: a RESERVE and a SETTLE with one attempt, both waited for, with
// so many requests in flight; one request in eight is a long stream with a checkpoint. Bounds:
// 15,000 pairs a second on one core, commit p99 5 ms. ledger_bench start N: how long opening a
// ledger of N requests takes. Bound: 2 s at 5,000,000.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "billing/billing.h"
#include "billing/ledger_file.h"

namespace {

using namespace billing;

AppliedPrice house() {
    AppliedPrice price;
    price.name = "house";
    price.tariff.rates = {200'000, 20'000, 200'000, 400'000, 400'000};
    price.text =
        std::make_shared<const std::string>("a version of 500 bytes" + std::string(478, ' '));
    return price;
}

class Client;

// Who is ready for its next step, as a queue of one consumer: the client thread.
class Ready {
public:
    void push(Client* client) {
        {
            const std::lock_guard lock(mutex_);
            clients_.push_back(client);
        }
        n_ready_.notify_one();
    }
    void take(std::vector<Client*>& clients) {
        clients.clear();
        std::unique_lock lock(mutex_);
        n_ready_.wait(lock, [this] { return !clients_.empty(); });
        clients.swap(clients_);
    }

private:
    std::mutex mutex_;
    std::condition_variable n_ready_;
    std::vector<Client*> clients_;
};

class Client final : public CommitWaiter {
public:
    Client(Billing& billing, Caller caller, const AppliedPrice& price, Ready& ready)
        : billing_(billing), caller_(caller), price_(price), ready_(ready) {}

    void on_committed(bool durable) noexcept override {
        if (!durable) std::abort();
        ready_.push(this);
    }

    // True when a request has ended.
    bool step(UnixMillis now) {
        if (!hold_) {
            hold_ =
                billing_.reserve({caller_, "deepseek-v4", NanoUsd{50'000'000}, now}, *this).value();
            if (hold_->request.n % 8 == 0) {
                Checkpoint checkpoint;
                checkpoint.endpoint = "local-v4";
                checkpoint.model = "deepseek-v4";
                checkpoint.price = &price_;
                checkpoint.started = checkpoint.now = now;
                checkpoint.tokens = {1'200, 0, 0, 1'000, 0};
                billing_.checkpoint(*hold_, checkpoint);
            }
            return false;
        }
        if (!is_settling_) {
            is_settling_ = true;
            Settlement settlement;
            settlement.endpoint = "local-v4";
            settlement.model = "deepseek-v4";
            settlement.price = &price_;
            settlement.tokens = {1'200, 25'000, 0, 350, 700};
            settlement.upstream_tokens = settlement.tokens;
            settlement.source = CountSource::upstream;
            settlement.now = now;
            AttemptRecord attempt;
            attempt.endpoint = settlement.endpoint;
            attempt.model = settlement.model;
            attempt.price = &price_;
            attempt.started = attempt.ended = now;
            attempt.source = CountSource::upstream;
            attempt.tokens = {25'000, 0, 0, 400, 600};
            attempt.upstream_tokens = settlement.tokens;
            attempt.upstream_request = "req_0123456789abcdef0123456789abcdef";
            settlement.attempts = {&attempt, 1};
            billing_.settle(*hold_, settlement, this);
            return false;
        }
        hold_.reset();
        is_settling_ = false;
        return true;
    }

private:
    Billing& billing_;
    const Caller caller_;
    const AppliedPrice& price_;
    Ready& ready_;
    std::optional<Hold> hold_;
    bool is_settling_ = false;
};

int64_t cpu_us() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto us = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
    return us(usage.ru_utime) + us(usage.ru_stime);
}

int64_t wall_us() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

// Of a new account that never runs out.
Caller rich_caller(Billing& billing) {
    billing.create_account("alice").value();
    for (int i = 0; i < 9; ++i)
        (void)billing.add_credit("alice", NanoUsd{1'000'000'000'000'000'000});
    const std::string key = billing.create_key("alice").value();
    return billing.authenticate(*billing.make_hasher(), key).value();
}

struct Measured {
    int64_t pairs_per_s, cpu_ns_per_pair, entries_per_commit_x10, bytes_per_pair, commit_p50_us,
        commit_p99_us;
};

Measured measure(const std::filesystem::path& file, int n_in_flight, int64_t n_pairs) {
    std::vector<int64_t> commits_us;
    Options options;
    options.path = file;
    options.on_commit = [&](auto seconds, int64_t) {
        commits_us.push_back(static_cast<int64_t>(seconds * 1e6));
    };
    auto billing = Billing::open(options).value();
    const Caller caller = rich_caller(*billing);
    const AppliedPrice price = house();
    Ready ready;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < n_in_flight; ++i) {
        clients.push_back(std::make_unique<Client>(*billing, caller, price, ready));
    }
    commits_us.clear();
    const Counters before = billing->counters();
    const int64_t cpu_before = cpu_us();
    const int64_t wall_before = wall_us();
    int64_t n_ended = 0;
    int64_t n_active = n_in_flight;
    for (const auto& client : clients) client->step({1'790'812'800'000});
    std::vector<Client*> batch;
    while (n_active > 0) {
        ready.take(batch);
        for (Client* client : batch) {
            if (!client->step({1'790'812'800'000 + n_ended})) continue;
            ++n_ended;
            if (n_ended + n_active <= n_pairs) {
                client->step({1'790'812'800'000 + n_ended});
            } else {
                --n_active;
            }
        }
    }
    const int64_t wall = wall_us() - wall_before;
    const int64_t cpu = cpu_us() - cpu_before;
    const Counters after = billing->counters();
    billing.reset();
    std::sort(commits_us.begin(), commits_us.end());
    const auto at = [&](size_t percent) {
        return commits_us[(commits_us.size() - 1) * percent / 100];
    };
    return {n_ended * 1'000'000 / wall,
            cpu * 1'000 / n_ended,
            10 * (after.n_entries_committed - before.n_entries_committed) /
                (after.n_commits - before.n_commits),
            static_cast<int64_t>(std::filesystem::file_size(file)) / n_ended,
            at(50),
            at(99)};
}

// The writer's own part: entries of 32 to a commit, nobody waiting.
int64_t writer_ns_per_pair(const std::filesystem::path& file, int64_t n_pairs) {
    auto ledger = LedgerFile::open(file, {}).value();
    ChainHead head = ledger->read_head().value();
    const UnixMillis at{1'790'812'800'000};
    const int64_t cpu_before = cpu_us();
    for (int64_t request = 1; request <= n_pairs; ++request) {
        if (request % 16 == 1 && !ledger->begin()) std::abort();
        Entry reserve(Kind::reserve, at);
        for (const Column column : {Column::account, Column::key, Column::route})
            reserve.set(column, 2);
        reserve.set(Column::request, request);
        reserve.set(Column::amount, 50'000'000);
        Entry settle(Kind::settle, at);
        for (const Column column :
             {Column::account, Column::endpoint, Column::model, Column::price}) {
            settle.set(column, 2);
        }
        settle.set(Column::request, request);
        settle.set(Column::amount, 1'160'000);
        settle.set(Column::source, 1);
        settle.set(Column::outcome, 0);
        settle.set(Column::flags, 0);
        settle.set_tokens(Column::input_uncached, {1'200, 25'000, 0, 350, 700});
        settle.set_tokens(Column::upstream_input_uncached, {1'200, 25'000, 0, 350, 700});
        settle.set(Column::subject, request);
        AttemptRow attempt;
        attempt.request = request;
        attempt.n = 1;
        attempt.endpoint = attempt.model = attempt.price = 2;
        attempt.started = attempt.ended = at;
        attempt.source = CountSource::upstream;
        attempt.tokens = {25'000, 0, 0, 400, 600};
        attempt.upstream_tokens = settle.tokens(Column::upstream_input_uncached);
        attempt.cost = {1'160'000};
        attempt.upstream_request = "req_0123456789abcdef0123456789abcdef";
        const Definition attempts = Attempts{{attempt}};
        if (!ledger->append(reserve, nullptr, head)) std::abort();
        const bool is_long = request % 8 == 0;
        if (is_long && !ledger->checkpoints().put({request, 2, 2, 2, at, at, {}, {}})) std::abort();
        if (!ledger->append(settle, &attempts, head)) std::abort();
        if (is_long && !ledger->checkpoints().drop({request})) std::abort();
        if (request % 16 == 0 && !ledger->commit()) std::abort();
    }
    return (cpu_us() - cpu_before) * 1'000 / n_pairs;
}

int64_t open_ms(const Options& options) {
    const int64_t before = wall_us();
    const auto billing = Billing::open(options).value();
    return (wall_us() - before) / 1'000;
}

// Appends requests behind a first one, which has brought all that they refer to.
void append_pairs(const std::filesystem::path& file, int64_t n_pairs, int64_t n_open) {
    auto ledger = LedgerFile::open(file, {}).value();
    ChainHead head = ledger->read_head().value();
    const UnixMillis at{1'790'812'800'000};
    for (int64_t request = 2; request <= n_pairs; ++request) {
        if (request % 4'096 == 2 && !ledger->begin()) std::abort();
        Entry reserve(Kind::reserve, at);
        for (const Column column : {Column::account, Column::key, Column::route})
            reserve.set(column, 1);
        reserve.set(Column::request, request);
        reserve.set(Column::amount, 50'000'000);
        if (!ledger->append(reserve, nullptr, head)) std::abort();
        const bool ends = request <= n_pairs - n_open;
        Entry release(Kind::release, at);
        release.set(Column::account, 1);
        release.set(Column::request, request);
        release.set(Column::outcome, 0);
        if (ends && !ledger->append(release, nullptr, head)) std::abort();
        const bool is_last = request % 4'096 == 1 || request == n_pairs;
        if (is_last && !ledger->commit()) std::abort();
    }
}

int measure_start(const std::filesystem::path& file, int64_t n_pairs) {
    constexpr int64_t kOpen = 1'000;
    Options options;
    options.path = file;
    {
        auto billing = Billing::open(options).value();
        const Caller caller = rich_caller(*billing);
        Ready ready;
        const AppliedPrice price = house();
        Client client(*billing, caller, price, ready);
        std::vector<Client*> batch;
        for (bool is_done = client.step({1'790'812'800'000}); !is_done;
             is_done = client.step({1'790'812'800'000})) {
            ready.take(batch);
        }
    }
    append_pairs(file, n_pairs, kOpen);
    std::filesystem::path anchors = file;
    anchors += ".anchors";
    const std::filesystem::path old = anchors.string() + ".old";
    std::filesystem::rename(anchors, old);
    const int64_t from_all = open_ms(options);  // anchors the ledger again
    const int64_t from_anchor = open_ms(options);
    std::printf("%lld requests: from all entries %lld ms, from the last anchor %lld ms\n",
                static_cast<long long>(n_pairs), static_cast<long long>(from_all),
                static_cast<long long>(from_anchor));
    return from_anchor <= 2'000 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const bool is_start = argc > 1 && std::string_view(argv[1]) == "start";
    const char* const count = argc > (is_start ? 2 : 1) ? argv[is_start ? 2 : 1] : nullptr;
    const int64_t n_pairs = count != nullptr ? std::atoll(count) : is_start ? 5'000'000 : 100'000;
    std::string folder = (std::filesystem::temp_directory_path() / "weir-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) return 1;
    if (is_start) {
        const int result = measure_start(folder + "/ledger.db", n_pairs);
        std::filesystem::remove_all(folder);
        return result;
    }
    std::printf("%10s %10s %12s %14s %12s %10s %10s\n", "in flight", "pairs/s", "cpu us/pair",
                "entries/commit", "bytes/pair", "p50 us", "p99 us");
    for (const int n_in_flight : {1, 8, 32, 128}) {
        const std::filesystem::path file =
            folder + "/ledger-" + std::to_string(n_in_flight) + ".db";
        const Measured f = measure(file, n_in_flight, n_in_flight == 1 ? n_pairs / 10 : n_pairs);
        std::printf("%10d %10lld %10lld.%lld %12lld.%lld %12lld %10lld %10lld\n", n_in_flight,
                    static_cast<long long>(f.pairs_per_s),
                    static_cast<long long>(f.cpu_ns_per_pair / 1'000),
                    static_cast<long long>(f.cpu_ns_per_pair % 1'000 / 100),
                    static_cast<long long>(f.entries_per_commit_x10 / 10),
                    static_cast<long long>(f.entries_per_commit_x10 % 10),
                    static_cast<long long>(f.bytes_per_pair),
                    static_cast<long long>(f.commit_p50_us),
                    static_cast<long long>(f.commit_p99_us));
    }
    const std::filesystem::path file = folder + "/writer.db";
    if (std::FILE* created = std::fopen(file.c_str(), "w")) std::fclose(created);
    const int64_t ns = writer_ns_per_pair(file, n_pairs / 16 * 16);
    std::printf("the writer alone, 32 entries a commit: %lld.%lld us of CPU a pair\n",
                static_cast<long long>(ns / 1'000), static_cast<long long>(ns % 1'000 / 100));
    std::filesystem::remove_all(folder);
    return 0;
}
