#include "gateway/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <vector>

#include "gateway/telemetry/scraped_metrics.h"
#include "gateway/telemetry/version.h"

namespace gateway {

namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::array kOutcomes{billing::Outcome::ok,
                               billing::Outcome::length,
                               billing::Outcome::tool_calls,
                               billing::Outcome::content_filter,
                               billing::Outcome::client_gone,
                               billing::Outcome::caller_error,
                               billing::Outcome::quota,
                               billing::Outcome::rate_limit,
                               billing::Outcome::upstream_error,
                               billing::Outcome::cut,
                               billing::Outcome::internal};
constexpr std::array kSources{billing::CountSource::engine, billing::CountSource::upstream,
                              billing::CountSource::counted};
constexpr size_t kKindCount = 5;
constexpr std::array<const char*, kKindCount> kKinds{"input_uncached", "cache_read", "cache_write",
                                                     "output_answer", "output_reasoning"};
constexpr std::array kStages{"parse", "plan", "reserve", "settle"};

std::array<int64_t, kKindCount> by_kind(const billing::TokenCounts& tokens) {
    return {tokens.input_uncached, tokens.cache_read, tokens.cache_write, tokens.output_answer,
            tokens.output_reasoning};
}

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

// A metric shows money in USD; the ledger alone is exact.
double usd(billing::NanoUsd amount) {
    return static_cast<double>(amount.n) * 1e-9;
}

const Histogram::BucketBoundaries kDurationBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                   0.25,  0.5,    1,     2.5,  5,     10,   30,
                                                   60,    120,    300,   600,  1200};
const Histogram::BucketBoundaries kTokenBuckets{0.0025, 0.005, 0.01, 0.025, 0.05, 0.075,
                                                0.1,    0.15,  0.2,  0.3,   0.4,  0.5,
                                                0.75,   1,     2.5,  5,     7.5,  10};
const Histogram::BucketBoundaries kOverheadBuckets{
    0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1};
const Histogram::BucketBoundaries kBatchBuckets{1, 2, 4, 8, 16, 32, 64, 128, 256};

// All families of one registry; they live as long as it.
struct Families {
    explicit Families(prometheus::Registry& r)
        : requests(BuildCounter()
                       .Name("weir_requests_total")
                       .Help("Requests by dialect, route and outcome.")
                       .Register(r)),
          duration(BuildHistogram()
                       .Name("weir_request_duration_seconds")
                       .Help("From the head's first byte to the answer's last.")
                       .Register(r)),
          ttft(BuildHistogram()
                   .Name("weir_ttft_seconds")
                   .Help("To the first event of an answer.")
                   .Register(r)),
          inter_token(BuildHistogram()
                          .Name("weir_inter_token_seconds")
                          .Help("Between two tokens of a stream, as its mean; once for each gap.")
                          .Register(r)),
          overhead(BuildHistogram()
                       .Name("weir_overhead_seconds")
                       .Help("The gateway's own time, by stage.")
                       .Register(r)),
          attempts(BuildCounter()
                       .Name("weir_attempts_total")
                       .Help("Attempts by endpoint and failure class; ok answered.")
                       .Register(r)),
          tokens(BuildCounter()
                     .Name("weir_tokens_total")
                     .Help("Charged tokens; the kinds are disjoint.")
                     .Register(r)),
          cost(BuildCounter()
                   .Name("weir_cost_usd_total")
                   .Help("Charged money as posted in the ledger.")
                   .Register(r)),
          mismatch(BuildCounter()
                       .Name("weir_usage_mismatch_tokens_total")
                       .Help("Difference of the upstream's count to ours.")
                       .Register(r)),
          inflight(BuildGauge()
                       .Name("weir_endpoint_inflight")
                       .Help("Attempts running now.")
                       .Register(r)),
          up(BuildGauge()
                 .Name("weir_endpoint_up")
                 .Help("0 while the endpoint's breaker is open: others are tried before it.")
                 .Register(r)),
          retries(BuildCounter()
                      .Name("weir_retries_total")
                      .Help("Attempts that the retry budget of an upstream is for, by whether it "
                            "had room.")
                      .Register(r)),
          canaries(BuildCounter()
                       .Name("weir_canary_requests_total")
                       .Help("Requests of routes with a canary, by whether they get it first.")
                       .Register(r)),
          streams(BuildGauge().Name("weir_streams_open").Help("Streams being sent.").Register(r)),
          keepalives(BuildCounter()
                         .Name("weir_stream_keepalives_total")
                         .Help("Comment lines sent into silent streams.")
                         .Register(r)),
          commit(BuildHistogram()
                     .Name("weir_ledger_commit_seconds")
                     .Help("One group commit.")
                     .Register(r)),
          batch(BuildHistogram()
                    .Name("weir_ledger_batch_entries")
                    .Help("Entries of one group commit.")
                    .Register(r)),
          budget_alerts(BuildCounter()
                            .Name("weir_budget_alerts_total")
                            .Help("Thresholds of budgets that were reached; accounts that "
                                  "metrics.accounts does not list are _other.")
                            .Register(r)),
          reload_ok(BuildGauge()
                        .Name("weir_config_last_reload_success")
                        .Help("1 if the last load was accepted.")
                        .Register(r)),
          reload_at(BuildGauge()
                        .Name("weir_config_last_reload_timestamp_seconds")
                        .Help("When the running config was loaded.")
                        .Register(r)),
          config_info(
              BuildGauge().Name("weir_config_info").Help("The running config's hash.").Register(r)),
          build_info(BuildGauge().Name("weir_build_info").Help("The program.").Register(r)) {}

    Family<Counter>& requests;
    Family<Histogram>& duration;
    Family<Histogram>& ttft;
    Family<Histogram>& inter_token;
    Family<Histogram>& overhead;
    Family<Counter>& attempts;
    Family<Counter>& tokens;
    Family<Counter>& cost;
    Family<Counter>& mismatch;
    Family<Gauge>& inflight;
    Family<Gauge>& up;
    Family<Counter>& retries;
    Family<Counter>& canaries;
    Family<Gauge>& streams;
    Family<Counter>& keepalives;
    Family<Histogram>& commit;
    Family<Histogram>& batch;
    Family<Counter>& budget_alerts;
    Family<Gauge>& reload_ok;
    Family<Gauge>& reload_at;
    Family<Gauge>& config_info;
    Family<Gauge>& build_info;
};

class Children final : public MetricChildren {
public:
    Children(Families& families, const config::Config& config) : families_(families) {
        for (const config::Route& route : config.routes) {
            routes_.push_back(route_of(route.name));
            if (!route.canary) continue;
            routes_.back().canary =
                &families.canaries.Add({{"route", route.name}, {"side", "canary"}});
            routes_.back().no_canary =
                &families.canaries.Add({{"route", route.name}, {"side", "plan"}});
        }
        unknown_ = route_of("_unknown");
        for (const config::Endpoint& endpoint : config.endpoints)
            endpoints_.push_back(endpoint_of(endpoint, config));
        for (size_t s = 0; s < kStages.size(); ++s)
            stages_[s] = &families.overhead.Add({{"stage", kStages[s]}}, kOverheadBuckets);
        speeds_.resize(config.routes.size() * config.endpoints.size());
        for (size_t r = 0; r < config.routes.size(); ++r) {
            std::vector<size_t> endpoints = config.routes[r].plan;
            if (config.routes[r].canary) endpoints.push_back(config.routes[r].canary->endpoint);
            for (const size_t e : endpoints) {
                const prometheus::Labels labels{{"route", config.routes[r].name},
                                                {"endpoint", config.endpoints[e].name}};
                speeds_[r * config.endpoints.size() + e] = {
                    &families.ttft.Add(labels, kDurationBuckets),
                    &families.inter_token.Add(labels, kTokenBuckets)};
            }
        }
    }

    void record(const RequestRecord& record) override {
        const Route& route = record.route ? routes_[*record.route] : unknown_;
        route.outcomes[static_cast<size_t>(record.outcome)]->Increment();
        route.duration->Observe(seconds(record.total));
        const std::array stages{record.parse, record.plan, record.reserve, record.settle};
        for (size_t s = 0; s < stages.size(); ++s)
            if (stages[s].count() > 0) stages_[s]->Observe(seconds(stages[s]));
        if (!record.endpoint) return;
        const Endpoint& endpoint = endpoints_[*record.endpoint];
        if (record.ttft.count() > 0 && record.route)
            speeds_[*record.route * endpoints_.size() + *record.endpoint].note(record);
        const auto counts = by_kind(record.tokens);
        for (size_t k = 0; k < kKindCount; ++k) {
            if (counts[k] > 0)
                endpoint.tokens[k][static_cast<size_t>(record.source)]->Increment(
                    static_cast<double>(counts[k]));
        }
        endpoint.cost->Increment(usd(record.usd));
        if (record.upstream_tokens && record.counted_tokens) {
            const auto theirs = by_kind(*record.upstream_tokens);
            const auto ours = by_kind(*record.counted_tokens);
            for (size_t k = 0; k < kKindCount; ++k)
                endpoint.mismatch[k]->Increment(static_cast<double>(std::abs(theirs[k] - ours[k])));
        }
    }

    void attempt(size_t endpoint, std::optional<config::FailureClass> failure) override {
        const Endpoint& e = endpoints_[endpoint];
        (failure ? e.failures[static_cast<size_t>(*failure)] : e.answered)->Increment();
    }

    void inflight(size_t endpoint, int change) override {
        endpoints_[endpoint].inflight->Increment(change);
    }

    void is_up(size_t endpoint, bool up) override { endpoints_[endpoint].up->Set(up ? 1 : 0); }

    void retry(size_t endpoint, bool made) override {
        (made ? endpoints_[endpoint].retries : endpoints_[endpoint].refused_retries)->Increment();
    }

    void canary(size_t route, bool taken) override {
        (taken ? routes_[route].canary : routes_[route].no_canary)->Increment();
    }

private:
    struct Route {
        std::array<Counter*, kOutcomes.size()> outcomes{};
        Histogram* duration = nullptr;
        Counter* canary = nullptr;  // null, as the other: the route has none
        Counter* no_canary = nullptr;
    };
    // Null of endpoints that the route never tries.
    struct Speed {
        Histogram* ttft = nullptr;
        Histogram* inter_token = nullptr;

        void note(const RequestRecord& record) const {
            if (!ttft) return;
            ttft->Observe(seconds(record.ttft));
            const auto n_gaps = record.tokens.output_answer + record.tokens.output_reasoning - 1;
            if (!record.stream || n_gaps < 1) return;
            const double sum = std::max(0.0, seconds(record.total - record.settle - record.ttft));
            const double mean = sum / static_cast<double>(n_gaps);
            const auto edge = std::lower_bound(kTokenBuckets.begin(), kTokenBuckets.end(), mean);
            std::vector<double> increments(kTokenBuckets.size() + 1);
            increments[static_cast<size_t>(edge - kTokenBuckets.begin())] =
                static_cast<double>(n_gaps);
            inter_token->ObserveMultiple(increments, sum);
        }
    };
    struct Endpoint {
        std::array<std::array<Counter*, kSources.size()>, kKindCount> tokens{};
        std::array<Counter*, kKindCount> mismatch{};
        std::array<Counter*, config::kFailureClassCount> failures{};
        Counter* answered = nullptr;
        Counter* cost = nullptr;
        Counter* retries = nullptr;  // null, as the next, of an engine
        Counter* refused_retries = nullptr;
        Gauge* inflight = nullptr;
        Gauge* up = nullptr;
    };

    Route route_of(const std::string& name) {
        Route route;
        for (const billing::Outcome outcome : kOutcomes) {
            route.outcomes[static_cast<size_t>(outcome)] =
                &families_.requests.Add({{"dialect", "chat"},
                                         {"route", name},
                                         {"outcome", std::string(to_string(outcome))}});
        }
        route.duration =
            &families_.duration.Add({{"dialect", "chat"}, {"route", name}}, kDurationBuckets);
        return route;
    }

    Endpoint endpoint_of(const config::Endpoint& endpoint, const config::Config& config) {
        Endpoint children;
        for (size_t k = 0; k < kKindCount; ++k) {
            for (const billing::CountSource source : kSources) {
                children.tokens[k][static_cast<size_t>(source)] =
                    &families_.tokens.Add({{"endpoint", endpoint.name},
                                           {"kind", kKinds[k]},
                                           {"source", std::string(billing::to_string(source))}});
            }
            children.mismatch[k] =
                &families_.mismatch.Add({{"endpoint", endpoint.name}, {"kind", kKinds[k]}});
        }
        for (size_t f = 0; f < config::kFailureClassCount; ++f) {
            const auto failure = static_cast<config::FailureClass>(f);
            children.failures[f] = &families_.attempts.Add(
                {{"endpoint", endpoint.name}, {"class", std::string(config::to_string(failure))}});
        }
        children.answered = &families_.attempts.Add({{"endpoint", endpoint.name}, {"class", "ok"}});
        children.cost = &families_.cost.Add(
            {{"endpoint", endpoint.name}, {"price", config.prices[endpoint.price].name}});
        if (endpoint.upstream) {
            children.retries =
                &families_.retries.Add({{"endpoint", endpoint.name}, {"made", "yes"}});
            children.refused_retries =
                &families_.retries.Add({{"endpoint", endpoint.name}, {"made", "no"}});
        }
        children.inflight = &families_.inflight.Add({{"endpoint", endpoint.name}});
        children.up = &families_.up.Add({{"endpoint", endpoint.name}});
        return children;
    }

    Families& families_;
    std::vector<Route> routes_;
    Route unknown_;
    std::vector<Endpoint> endpoints_;
    std::vector<Speed> speeds_;  // [route][endpoint]
    std::array<Histogram*, kStages.size()> stages_{};
};

class RegistryMetrics final : public Metrics {
public:
    RegistryMetrics()
        : families_(registry_),
          streams_(families_.streams.Add({})),
          keepalives_(families_.keepalives.Add({})),
          commit_(families_.commit.Add({}, kOverheadBuckets)),
          batch_(families_.batch.Add({}, kBatchBuckets)),
          reload_ok_(families_.reload_ok.Add({})),
          reload_at_(families_.reload_at.Add({})) {
        families_.build_info.Add({{"version", kVersion}}).Set(1);
    }

    std::unique_ptr<MetricChildren> children(const config::Config& config) override {
        return std::make_unique<Children>(families_, config);
    }
    void stream_opened() override { streams_.Increment(); }
    void stream_closed() override { streams_.Decrement(); }
    void keepalive_sent() override { keepalives_.Increment(); }
    void ledger_commit(double commit_seconds, int64_t n_entries) override {
        commit_.Observe(commit_seconds);
        batch_.Observe(static_cast<double>(n_entries));
    }
    void budget_alert(const billing::BudgetNote& note) override {
        const std::string period(to_string(note.budget.period));
        const std::string of(to_string(note.budget.scope));
        const std::string account = account_label(note.budget);
        families_.budget_alerts.Add({{"account", account}, {"of", of}, {"period", period}})
            .Increment();
    }
    void config_loaded(const config::Config& config) override {
        {
            const std::lock_guard lock(accounts_mutex_);
            accounts_.clear();
            if (config.metrics)
                accounts_.insert(config.metrics->accounts.begin(), config.metrics->accounts.end());
        }
        show_budget_alerts(config);
        reload_ok_.Set(1);
        reload_at_.SetToCurrentTime();
        if (config_info_) families_.config_info.Remove(config_info_);
        config_info_ = &families_.config_info.Add({{"hash", config.digest}});
        config_info_->Set(1);
    }
    void config_refused() override { reload_ok_.Set(0); }

    std::string text(const MetricSources& sources) override {
        if (sources.show_health) sources.show_health();
        auto families = registry_.Collect();
        append_scraped(families, sources);
        append_process(families);
        return prometheus::TextSerializer().Serialize(families);
    }

private:
    // At 0 before the first comes: increase() does not see a counter that begins at 1.
    void show_budget_alerts(const config::Config& config) {
        using billing::BudgetPeriod;
        using billing::BudgetScope;
        std::vector<std::string> accounts{"_other"};
        if (config.metrics)
            accounts.insert(accounts.end(), config.metrics->accounts.begin(),
                            config.metrics->accounts.end());
        for (const std::string& account : accounts) {
            for (const auto of : {BudgetScope::account, BudgetScope::key, BudgetScope::model}) {
                if (account != "_other" && of != BudgetScope::account) continue;
                for (const auto period :
                     {BudgetPeriod::day, BudgetPeriod::month, BudgetPeriod::lifetime}) {
                    families_.budget_alerts.Add({{"account", account},
                                                 {"of", std::string(to_string(of))},
                                                 {"period", std::string(to_string(period))}});
                }
            }
        }
    }

    std::string account_label(const billing::BudgetView& budget) {
        const std::lock_guard lock(accounts_mutex_);
        const bool is_listed =
            budget.scope == billing::BudgetScope::account && accounts_.contains(budget.subject);
        return is_listed ? budget.subject : "_other";
    }

    prometheus::Registry registry_;
    Families families_;
    Gauge& streams_;
    Counter& keepalives_;
    Histogram& commit_;
    Histogram& batch_;
    Gauge& reload_ok_;
    Gauge& reload_at_;
    Gauge* config_info_ = nullptr;
    std::mutex accounts_mutex_;
    std::set<std::string> accounts_;  // guarded by accounts_mutex_
};

}  // namespace

std::unique_ptr<Metrics> Metrics::create() {
    return std::make_unique<RegistryMetrics>();
}

}  // namespace gateway
