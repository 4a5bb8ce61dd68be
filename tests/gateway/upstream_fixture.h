#pragma once
// A real upstream client against the mock upstream, on one io_context that the test turns. With
// WEIR_TEST_LIBCURL in the environment libcurl speaks the plain HTTP, too.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/inflight.h"
#include "gateway/upstream/object_scan.h"
#include "gateway/upstream/upstream_client.h"
#include "tests/support/mock_upstream.h"

struct Ask {
    std::string model = "ok";
    bool stream = true;
    bool include_usage = true;
    int64_t n_output_tokens_max = 100;
    int n_choices = 1;
};

struct Outcome {
    std::vector<gateway::ChatChunk> chunks;
    std::optional<gateway::AttemptEnd> end;

    int64_t n_text_bytes() const {
        int64_t n = 0;
        for (const auto& chunk : chunks) n += chunk.n_text_bytes;
        return n;
    }
};

class UpstreamBench {
public:
    explicit UpstreamBench(const std::string& base_url,
                           std::shared_ptr<gateway::InflightCounts> inflight = nullptr,
                           const config::Limits& limits = {})
        : inflight_(std::move(inflight)),
          client_(gateway::UpstreamClient::create(io, limits, inflight_, nullptr,
                                                  std::getenv("WEIR_TEST_LIBCURL") != nullptr)) {
        config::Upstream upstream;
        upstream.name = "mock";
        upstream.base_url = base_url;
        upstream.api_key = config::Secret("sk-test");
        config_->upstreams.push_back(upstream);
    }

    std::unique_ptr<gateway::Attempt> start(const Ask& ask) {
        // A long lasting test starts many: what a call points to lives as long as the bench.
        auto& request = *requests_.emplace_back(std::make_unique<gateway::ChatRequest>());
        request.body =
            R"({"model":"alias","messages":[{"role":"user","content":"12345678"}],"stream":)" +
            std::string(ask.stream ? "true" : "false") + "}";
        request.members = gateway::object_members(request.body);
        request.stream = ask.stream;
        request.include_usage = ask.include_usage;
        request.n_choices = ask.n_choices;
        auto& endpoint = *endpoints_.emplace_back(std::make_unique<config::Endpoint>());
        endpoint.model = ask.model;
        gateway::UpstreamCall call;
        call.upstream = &config_->upstreams[0];
        call.endpoint = &endpoint;
        call.request = &request;
        call.n_output_tokens_max = ask.n_output_tokens_max;
        call.thinking.send = false;
        call.timeouts = timeouts;
        call.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
        call.request_id = "req-1";
        return client_->start(call, config_);
    }

    // Takes everything, then destroys the attempt.
    Outcome run(const Ask& ask) {
        auto attempt = start(ask);
        return drain(*attempt);
    }
    Outcome drain(gateway::Attempt& attempt) {
        Outcome outcome;
        boost::asio::co_spawn(io, collect(attempt, outcome), boost::asio::detached);
        while (!outcome.end) io.run_one();
        return outcome;
    }
    // One next(), however empty.
    gateway::AttemptBatch next(gateway::Attempt& attempt) {
        std::optional<gateway::AttemptBatch> batch;
        boost::asio::co_spawn(io, take(attempt, batch), boost::asio::detached);
        while (!batch) io.run_one();
        return std::move(*batch);
    }

    static boost::asio::awaitable<void> collect(gateway::Attempt& attempt, Outcome& outcome) {
        while (!outcome.end) {
            gateway::AttemptBatch batch = co_await attempt.next();
            for (auto& chunk : batch.chunks) outcome.chunks.push_back(std::move(chunk));
            outcome.end = std::move(batch.end);
        }
    }
    static boost::asio::awaitable<void> take(gateway::Attempt& attempt,
                                             std::optional<gateway::AttemptBatch>& into) {
        into = co_await attempt.next();
    }

    boost::asio::io_context io{1};
    config::Timeouts timeouts;

    config::Upstream& upstream() { return config_->upstreams[0]; }

private:
    std::shared_ptr<config::Config> config_ = std::make_shared<config::Config>();
    std::vector<std::unique_ptr<gateway::ChatRequest>> requests_;
    std::vector<std::unique_ptr<config::Endpoint>> endpoints_;
    std::shared_ptr<gateway::InflightCounts> inflight_;
    std::unique_ptr<gateway::UpstreamClient> client_;
};
