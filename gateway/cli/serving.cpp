#include "gateway/cli/serving.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"
#include "gateway/telemetry/version.h"
#include "gateway/telemetry/wall_clock.h"

namespace gateway {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kIdleCheck{20};
// How long an ended request may take to tell its client and the ledger.
constexpr std::chrono::milliseconds kGoodbye{5'000};

bool is_loopback(const std::string& address) {
    return address == "localhost" || address == "::1" || address.starts_with("127.");
}

std::vector<std::unique_ptr<IoThread>> make_threads(int n) {
    std::vector<std::unique_ptr<IoThread>> threads;
    for (int i = 0; i < n; ++i) {
        threads.push_back(std::make_unique<IoThread>());
        threads.back()->index = static_cast<size_t>(i);
    }
    return threads;
}

bool equal(const config::Engine& a, const config::Engine& b) {
    return std::tie(a.name, a.model, a.encoding, a.n_ctx, a.n_sequences_max, a.n_queued_max,
                    a.n_threads, a.n_prefill_tokens, a.default_effort) ==
           std::tie(b.name, b.model, b.encoding, b.n_ctx, b.n_sequences_max, b.n_queued_max,
                    b.n_threads, b.n_prefill_tokens, b.default_effort);
}

// The first key that a reload would change and that only a restart can; empty: none.
std::string needs_restart(const config::Config& now, const config::Config& next) {
    const auto listens = [](const config::Config& c) {
        return std::tie(c.listen.address, c.listen.port, c.listen.socket, c.listen.n_io_threads,
                        c.listen.half_closed_clients);
    };
    if (listens(now) != listens(next)) return "listen";
    if (now.tls.has_value() != next.tls.has_value()) return "tls";
    if (now.ledger.path != next.ledger.path || now.ledger.n_queued_max != next.ledger.n_queued_max)
        return "ledger";
    if (now.metrics.has_value() != next.metrics.has_value() ||
        (now.metrics && (now.metrics->address != next.metrics->address ||
                         now.metrics->port != next.metrics->port)))
        return "metrics";
    if (!std::equal(now.engines.begin(), now.engines.end(), next.engines.begin(),
                    next.engines.end(), equal))
        return "engines";
    return {};
}

// The first file of an upstream's TLS that cannot be read; empty: all can.
std::string first_unreadable(const config::Config& config) {
    for (const config::Upstream& upstream : config.upstreams) {
        for (const auto& [key, file] : {std::pair("ca_file", &upstream.tls.ca_file),
                                        std::pair("certificate", &upstream.tls.certificate),
                                        std::pair("private_key", &upstream.tls.private_key)}) {
            if (!file->empty() && ::access(file->c_str(), R_OK) != 0)
                return "upstreams." + upstream.name + ".tls." + key + ": " + *file + ": " +
                       std::strerror(errno);
        }
    }
    return {};
}

// The first price that has no version now; empty: none.
std::string first_unpriced(const config::Config& config) {
    const config::UnixMillis now = wall_clock_now();
    for (const config::Price& price : config.prices) {
        if (!price.version_at(now))
            return "prices." + price.name + ": no version holds now; begin one with effective_from";
    }
    return {};
}

}  // namespace

Serving::Serving(std::string config_file, config::Config config)
    : config_file_(std::move(config_file)),
      started_(wall_clock_now()),
      loaded_ms_(started_.ms),
      config_(std::make_shared<const config::Config>(std::move(config))),
      log_(RequestLog::create(config_->log)),
      metrics_(Metrics::create()),
      io_threads_(make_threads(config_->listen.n_io_threads)),
      ops_threads_(make_threads(1)),
      signals_(ops_threads_[0]->io, SIGHUP, SIGTERM, SIGINT),
      timer_(ops_threads_[0]->io) {
    std::signal(SIGPIPE, SIG_IGN);
    open_engines();
    open_billing();
    check_keys_and_prices();

    std::vector<engine::Engine*> engines;
    MetricSources sources;
    sources.billing = billing_.get();
    for (size_t i = 0; i < engines_.size(); ++i) {
        engines.push_back(engines_[i].get());
        sources.engines.emplace_back(config_->engines[i].name, engines_[i].get());
    }
    gateway_ = std::make_unique<Gateway>(
        GatewayParts{*billing_, engines, io_threads_, *metrics_, *log_}, config_);
    server_ =
        Server::create(config_->listen, config_->limits, config_->tls, io_threads_, *gateway_);
    if (config_->metrics) {
        sources.n_connections_open = [this] {
            return server_->counters().n_connections_open.load();
        };
        sources.show_health = [this] { gateway_->show_health(); };
        sources.n_waiting = [this] { return gateway_->n_waiting(); };
        ops_ = std::make_unique<OpsHandler>(*metrics_, std::move(sources));
        config::Listen listen;
        listen.address = config_->metrics->address;
        listen.port = config_->metrics->port;
        ops_server_ = Server::create(listen, config_->limits, {}, ops_threads_, *ops_);
    }
    control_ = ControlServer::start(control_socket_of(config_->ledger.path), *billing_,
                                    [this] { return show(); });
    metrics_->config_loaded(*config_);
}

Serving::~Serving() = default;

std::string Serving::show() const {
    const auto config = gateway_->config();
    const config::UnixMillis loaded{loaded_ms_};
    nlohmann::ordered_json shown{{"ok", true},
                                 {"version", kVersion},
                                 {"pid", getpid()},
                                 {"started", config::to_rfc3339(started_)},
                                 {"uptime_s", (wall_clock_now().ms - started_.ms) / 1'000}};
    shown["config"] = {{"file", std::filesystem::absolute(config_file_).string()},
                       {"hash", config->digest},
                       {"loaded", config::to_rfc3339(loaded)},
                       {"last_reload_refused", was_refused_.load()}};
    const std::vector<std::string> addresses = server_->addresses();
    shown["listening"] = {{"api", addresses.front()}};
    if (addresses.size() > 1) shown["listening"]["socket"] = addresses.back();
    if (ops_server_) shown["listening"]["metrics"] = ops_server_->address();
    shown["connections"] = {{"open", server_->counters().n_connections_open.load()},
                            {"open_max", config->limits.n_connections_max}};
    return gateway_->show(std::move(shown)).dump();
}

void Serving::open_engines() {
    for (const config::Engine& engine : config_->engines) {
        auto opened = engine::Engine::open(engine);
        if (!opened)
            throw std::runtime_error("engines." + engine.name + ": " + opened.error().detail);
        engines_.push_back(std::move(*opened));
    }
}

void Serving::open_billing() {
    billing::Options options;
    options.path = config_->ledger.path;
    options.n_queued_max = config_->ledger.n_queued_max;
    options.on_commit = [this](double seconds, int64_t n_entries) {
        metrics_->ledger_commit(seconds, n_entries);
    };
    options.on_anchor = [this](const billing::AnchorNote& note) {
        const std::string entry = "entry " + std::to_string(note.entry) + " head " + note.head;
        if (note.error.empty()) {
            log_->info("ledger_anchor", entry + " open holds " + std::to_string(note.n_open_holds));
        } else {
            log_->warn("ledger_anchor_failed", entry + ": " + note.error);
        }
    };
    options.on_budget_alert = [this](const billing::BudgetNote& note) {
        metrics_->budget_alert(note);
        log_->warn("budget_alert", std::to_string(note.percent) + "% of the " +
                                       describe(note.budget) + " are spent");
    };
    options.on_rollup_failed = [this](const billing::Error& error) {
        log_->warn("ledger_rollup_failed", error.detail + "; reports read all entries meanwhile");
    };
    auto opened = billing::Billing::open(options);
    if (!opened) throw std::runtime_error(opened.error().detail);
    billing_ = std::move(*opened);
}

void Serving::check_keys_and_prices() const {
    if (const std::string file = first_unreadable(*config_); !file.empty())
        throw std::runtime_error(file);
    if (const std::string price = first_unpriced(*config_); !price.empty())
        throw std::runtime_error(price);
    if (billing_->has_keys()) return;
    const std::string cure =
        "the ledger holds no key; make one with: weir account create NAME && "
        "weir credit add NAME 10.00 && weir key create --account NAME";
    if (!is_loopback(config_->listen.address))
        throw std::runtime_error("listen.address " + config_->listen.address +
                                 " is refused beyond loopback while " + cure);
    log_->warn("no_keys", "every request gets 401: " + cure);
}

int Serving::run() {
    server_->start();
    for (const std::string& address : server_->addresses())
        std::fprintf(stderr, "listening api %s\n", address.c_str());
    if (ops_server_) {
        ops_server_->start();
        std::fprintf(stderr, "listening metrics %s\n", ops_server_->address().c_str());
    }
    std::vector<std::thread> threads;
    for (auto& thread : io_threads_) {
        threads.emplace_back([&io = thread->io] {
            const auto work = boost::asio::make_work_guard(io);
            io.run();
        });
    }
    wait_for_signal();
    {
        const auto work = boost::asio::make_work_guard(ops_threads_[0]->io);
        ops_threads_[0]->io.run();  // until stop()
    }
    for (std::thread& thread : threads) thread.join();
    // What a deadline left behind still waits for the ledger, and still holds attempts at the
    // engines: the ledger answers first, then the sessions go, then the engines.
    control_.reset();
    billing_.reset();
    server_.reset();
    ops_server_.reset();
    gateway_.reset();
    engines_.clear();
    return kExitOk;
}

void Serving::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        if (signal == SIGHUP) {
            reload();
        } else if (!draining_) {
            drain();
        } else {
            log_->warn("stop", "second signal: ending at once");
            server_->stop_accepting();
            end_requests();
        }
        wait_for_signal();
    });
}

void Serving::reload() {
    auto loaded = config::load(config_file_, process_environment());
    std::string refused;
    if (!loaded) {
        for (const config::Refusal& refusal : loaded.error())
            log_->warn("reload_refused", to_string(refusal));
        refused = "the running config stays";
    } else if (const std::string key = needs_restart(*config_, *loaded); !key.empty()) {
        refused = key + ": changing it needs a restart; the running config stays";
    } else if (const std::string price = first_unpriced(*loaded); !price.empty()) {
        refused = price + "; the running config stays";
    } else if (const std::string file = first_unreadable(*loaded); !file.empty()) {
        refused = file + "; the running config stays";
    } else if (loaded->tls) {
        if (const auto error = server_->reload_tls(*loaded->tls))
            refused = "tls: " + *error + "; the running config stays";
    }
    was_refused_ = !refused.empty();
    if (was_refused_) {
        metrics_->config_refused();
        log_->warn("reload_refused", refused);
        return;
    }
    config_ = std::make_shared<const config::Config>(std::move(*loaded));
    server_->set_limits(config_->limits);
    gateway_->swap_config(config_);
    loaded_ms_ = wall_clock_now().ms;
    log_->reconfigure(config_->log);
    metrics_->config_loaded(*config_);
    log_->info("reloaded", config_->digest);
}

void Serving::drain() {
    draining_ = true;
    gateway_->set_draining();
    log_->info("draining", "not ready any more");
    timer_.expires_after(config_->listen.lame_duck);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) stop_accepting();
    });
}

void Serving::stop_accepting() {
    server_->stop_accepting();
    wait_until_idle(steady_clock::now() + config_->listen.drain_time);
}

void Serving::end_requests() {
    gateway_->end_requests();
    ending_ = true;
    wait_until_idle(steady_clock::now() + kGoodbye);
}

void Serving::wait_until_idle(steady_clock::time_point deadline) {
    const bool idle = gateway_->n_requests_open() == 0;
    const bool late = steady_clock::now() >= deadline;
    if (idle || (late && ending_)) {
        stop();
        return;
    }
    if (late) {
        log_->warn("drain_time", "requests still open are ended");
        end_requests();
        return;
    }
    timer_.expires_after(kIdleCheck);
    timer_.async_wait([this, deadline](const boost::system::error_code& error) {
        if (!error) wait_until_idle(deadline);
    });
}

void Serving::stop() {
    server_->abort_all();
    for (auto& thread : io_threads_) thread->io.stop();
    ops_threads_[0]->io.stop();
}

}  // namespace gateway
