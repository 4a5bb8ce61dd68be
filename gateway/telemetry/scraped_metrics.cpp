#include "gateway/telemetry/scraped_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gateway {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

void append(std::vector<MetricFamily>& families, MetricType type, const char* name,
            const char* help, double value, Labels labels = {}) {
    if (families.empty() || families.back().name != name) {
        families.push_back({name, help, type, {}});
    }
    ClientMetric metric;
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    families.back().metric.push_back(std::move(metric));
}

// As much of a hash as a sample holds exactly: 52 bits.
double head_number(const std::string& hex) {
    return static_cast<double>(std::strtoull(hex.substr(0, 13).c_str(), nullptr, 16));
}

// One field of /proc/self/stat, counted as proc(5) does; the command's name may hold blanks.
double stat_field(int number) {
    std::ifstream in("/proc/self/stat");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    const size_t end_of_name = text.rfind(')');
    if (end_of_name == std::string::npos) return 0;
    std::istringstream fields(text.substr(end_of_name + 1));
    std::string field;
    for (int i = 3; i <= number; ++i) fields >> field;
    return std::strtod(field.c_str(), nullptr);
}

double boot_time_seconds() {
    std::ifstream in("/proc/stat");
    for (std::string word; in >> word;) {
        if (word != "btime") continue;
        double seconds = 0;
        in >> seconds;
        return seconds;
    }
    return 0;
}

}  // namespace

void append_scraped(std::vector<MetricFamily>& families, const MetricSources& sources) {
    constexpr auto gauge = MetricType::Gauge;
    constexpr auto counter = MetricType::Counter;
    if (sources.billing) {
        const billing::Counters c = sources.billing->counters();
        append(families, gauge, "weir_reservations", "Open holds.",
               static_cast<double>(c.n_reservations_open));
        append(families, gauge, "weir_reserved_usd", "Money held now.",
               static_cast<double>(c.reserved.n) * 1e-9);
        append(families, gauge, "weir_ledger_queue", "Entries waiting for their commit.",
               static_cast<double>(c.n_entries_queued));
        append(families, gauge, "weir_ledger_available", "0 while the disk refuses commits.",
               c.available ? 1 : 0);
        append(families, counter, "weir_ledger_commits_failed_total", "Group commits that failed.",
               static_cast<double>(c.n_commits_failed));
        append(families, gauge, "weir_ledger_anchor_entry", "Entry of the last anchor on disk.",
               static_cast<double>(c.anchor.entry));
        append(families, gauge, "weir_ledger_anchor_head",
               "The first 13 hex digits of that entry's hash, as a number.",
               head_number(c.anchor.head));
        append(families, gauge, "weir_ledger_anchor_timestamp_seconds", "That entry's instant.",
               static_cast<double>(c.anchor.at.ms) * 1e-3);
        append(families, counter, "weir_ledger_anchors_failed_total",
               "Anchors that could not be written.", static_cast<double>(c.n_anchors_failed));
    }
    if (sources.n_connections_open) {
        append(families, gauge, "weir_connections_open", "Client connections.",
               static_cast<double>(sources.n_connections_open()));
    }
    if (sources.n_waiting) {
        for (const auto& [upstream, n] : sources.n_waiting())
            append(families, gauge, "weir_upstream_waiting",
                   "Requests that wait for a place at an upstream.", static_cast<double>(n),
                   {{"upstream", upstream}});
    }
    struct Row {
        MetricType type;
        const char* name;
        const char* help;
        double (*value)(const engine::Stats&);
    };
    const Row rows[] = {
        {gauge, "weir_engine_batch_sequences", "Sequences in the batch.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_sequences_live); }},
        {gauge, "weir_engine_waiting_sequences", "Sequences waiting for a place in the batch.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_sequences_waiting); }},
        {gauge, "weir_engine_aside_sequences",
         "Of those, of batch priority and out of the batch for others.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_sequences_aside); }},
        {counter, "weir_engine_evictions_total",
         "Batch sequences that gave their KV up for others.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_evictions); }},
        {gauge, "weir_engine_kv_tokens", "Positions held by live sequences.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_kv_tokens); }},
        {gauge, "weir_engine_prefix_cache_bytes", "Memory held by KV of earlier prompts.",
         [](const engine::Stats& s) { return static_cast<double>(s.prefix_cache_bytes); }},
        {counter, "weir_engine_cached_tokens_total",
         "Prompt tokens taken from the prefix cache instead.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_cached_tokens); }},
        {counter, "weir_engine_prefill_tokens_total", "Prompt tokens computed.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_prefill_tokens); }},
        {counter, "weir_engine_decode_tokens_total", "Tokens decoded.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_decode_tokens); }},
        {counter, "weir_engine_cancelled_tokens_total", "Tokens decoded after a cancel.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_cancelled_tokens); }},
        {counter, "weir_engine_steps_total", "Steps of the scheduler.",
         [](const engine::Stats& s) { return static_cast<double>(s.n_steps); }},
        {counter, "weir_engine_step_seconds_total", "Time spent in steps.",
         [](const engine::Stats& s) { return s.step_seconds_sum; }},
    };
    for (const Row& row : rows) {
        for (const auto& [name, engine] : sources.engines)
            append(families, row.type, row.name, row.help, row.value(engine->stats()),
                   {{"engine", name}});
    }
}

void append_process(std::vector<MetricFamily>& families) {
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    append(families, MetricType::Counter, "process_cpu_seconds_total", "User and system time.",
           (stat_field(14) + stat_field(15)) / ticks);
    append(families, MetricType::Gauge, "process_resident_memory_bytes", "Resident memory.",
           stat_field(24) * page);
    append(families, MetricType::Gauge, "process_start_time_seconds", "Start, Unix time.",
           boot_time_seconds() + stat_field(22) / ticks);
    std::error_code error;
    double n_fds = 0;
    for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
         it.increment(error))
        ++n_fds;
    append(families, MetricType::Gauge, "process_open_fds", "Open file descriptors.", n_fds);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        append(families, MetricType::Gauge, "process_max_fds", "Most file descriptors.",
               static_cast<double>(limit.rlim_cur));
}

}  // namespace gateway
