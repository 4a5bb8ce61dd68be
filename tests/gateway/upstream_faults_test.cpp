// Every fault of the mock upstream against the real client, streamed and not.
#include <catch2/catch.hpp>

#include "tests/gateway/upstream_fixture.h"

using config::FailureClass;
using gateway::AttemptEnd;
using Kind = gateway::AttemptEnd::Kind;
using namespace std::chrono_literals;

namespace {

constexpr int64_t kPrompt = 5;  // 8 bytes / 4 + 3

class Faults {
public:
    Faults() { bench.timeouts = {2s, 60s, 60s, 120s}; }
    Outcome run(const std::string& model, bool stream, int64_t n_max = 100) {
        return bench.run({model, stream, true, n_max});
    }

    mock::Upstream upstream;
    UpstreamBench bench{upstream.base_url()};
};

void check_failed(const Outcome& outcome, FailureClass failure) {
    CHECK(outcome.end->kind == Kind::failed);
    CHECK(config::to_string(outcome.end->failure) == config::to_string(failure));
    INFO(outcome.end->detail);
}

void check_complete(const Outcome& outcome, int64_t n_output) {
    INFO(outcome.end->detail);
    REQUIRE(outcome.end->kind == Kind::complete);
    REQUIRE(outcome.end->usage);
    CHECK(outcome.end->usage->n_prompt == kPrompt);
    CHECK(outcome.end->usage->n_output == n_output);
}

}  // namespace

TEST_CASE("upstream: a streamed answer comes whole, with usage", "[upstream]") {
    Faults f;
    const Outcome outcome = f.run("ok-n4-r2-c3", true);
    check_complete(outcome, 6);
    CHECK(outcome.end->usage->n_reasoning == 2);
    CHECK(outcome.end->usage->n_cache_read == 3);
    CHECK(outcome.end->finish_reason == "stop");
    CHECK(outcome.end->upstream_status == 200);
    REQUIRE(outcome.chunks.size() == 9);  // role, 6, finish, usage
    CHECK(outcome.chunks.back().usage_only);
    CHECK(outcome.chunks[1].n_reasoning_bytes == 6);
    CHECK(outcome.chunks[3].data.find("流れ") != std::string::npos);
    REQUIRE(f.upstream.wait_ended(1));
    const auto log = f.upstream.log();
    CHECK(log[0].n_output == 6);
    CHECK(log[0].ended == "complete");
    CHECK(log[0].request.include_usage);
    CHECK(log[0].request.headers.at("authorization") == "Bearer sk-test");
    CHECK(log[0].request.headers.at("x-request-id") == "req-1");
    CHECK(log[0].request.headers.at("user-agent").substr(0, 5) == "weir/");
    CHECK(log[0].request.headers.at("content-type") == "application/json");
    CHECK(log[0].request.headers.count("expect") == 0);
}

TEST_CASE("upstream: an unstreamed answer comes as one chunk", "[upstream]") {
    Faults f;
    const Outcome outcome = f.run("ok-n4-r2", false);
    check_complete(outcome, 6);
    REQUIRE(outcome.chunks.size() == 1);
    CHECK(outcome.chunks[0].n_reasoning_bytes == 12);
    CHECK(outcome.end->finish_reason == "stop");
}

TEST_CASE("upstream: a client that did not ask for usage gets none, and it is metered all the same",
          "[upstream]") {
    Faults f;
    const Outcome outcome = f.bench.run({"ok-n2", true, false});
    check_complete(outcome, 2);
    for (const auto& chunk : outcome.chunks) {
        CHECK(chunk.data.find("\"usage\"") == std::string::npos);
    }
    CHECK(outcome.chunks.back().usage_only);
}

TEST_CASE("upstream: faults before an answer have their class", "[upstream]") {
    for (const bool stream : {true, false}) {
        Faults f;
        check_failed(f.run("fault-1", stream), FailureClass::connect);
        const Outcome limited = f.run("fault-3", stream);
        check_failed(limited, FailureClass::rate_limit);
        CHECK(limited.end->retry_after == 1000ms);
        CHECK(limited.end->upstream_status == 429);
        CHECK(limited.end->message.empty());
        check_failed(f.run("fault-4", stream), FailureClass::server_error);
        check_failed(f.run("fault-5", stream), FailureClass::credential);
        f.bench.timeouts.ttft = 50ms;
        const Outcome silent = f.run("fault-2", stream);
        check_failed(silent, FailureClass::timeout_ttft);
        CHECK(silent.end->upstream_status == 0);
        const Outcome headed = f.run("fault-6", stream);
        check_failed(headed, FailureClass::timeout_ttft);
        CHECK(headed.end->upstream_status == 200);
        CHECK(headed.chunks.empty());
        REQUIRE(f.upstream.wait_ended(6));
        CHECK(f.upstream.log()[5].ended == "client_gone");
    }
}

TEST_CASE("upstream: nobody listens", "[upstream]") {
    uint16_t port = 0;
    {
        const mock::Upstream gone;
        port = gone.port();
    }
    UpstreamBench bench("http://127.0.0.1:" + std::to_string(port) + "/v1");
    check_failed(bench.run({"ok"}), FailureClass::connect);
    UpstreamBench odd("ftp://127.0.0.1/v1");
    check_failed(odd.run({"ok"}), FailureClass::connect);
}

TEST_CASE("upstream: a broken stream is cut, stalled or malformed, never complete", "[upstream]") {
    Faults f;
    for (int64_t k = 0; k < 4; ++k) {
        const std::string suffix = "-k" + std::to_string(k);
        const Outcome cut = f.run("fault-7" + suffix, true);
        check_failed(cut, FailureClass::cut);
        CHECK(static_cast<int64_t>(cut.chunks.size()) <= k + 1);
        const Outcome malformed = f.run("fault-15" + suffix, true);
        check_failed(malformed, FailureClass::malformed);
        CHECK(static_cast<int64_t>(malformed.chunks.size()) == k + 1);
        const Outcome error = f.run("fault-14" + suffix, true);
        check_failed(error, FailureClass::server_error);
        CHECK(static_cast<int64_t>(error.chunks.size()) == k + 1);
        CHECK(error.end->message.empty());
    }
    f.bench.timeouts.idle = 50ms;
    const Outcome stalled = f.run("fault-8-k2", true);
    check_failed(stalled, FailureClass::timeout_idle);
    CHECK(stalled.chunks.size() == 3);
    CHECK_FALSE(stalled.end->usage);
}

TEST_CASE("upstream: a broken unstreamed answer", "[upstream]") {
    Faults f;
    check_failed(f.run("fault-7", false), FailureClass::cut);
    check_failed(f.run("fault-14", false), FailureClass::server_error);
    check_failed(f.run("fault-15", false), FailureClass::malformed);
    f.bench.timeouts.idle = 50ms;
    check_failed(f.run("fault-8", false), FailureClass::timeout_idle);
}

TEST_CASE("upstream: a close behind the finish reason is an end", "[upstream]") {
    Faults f;
    const Outcome streamed = f.run("fault-9-n3", true);
    CHECK(streamed.end->kind == Kind::complete);
    CHECK(streamed.end->finish_reason == "stop");
    CHECK_FALSE(streamed.end->usage);
    CHECK(streamed.chunks.size() == 5);
    check_complete(f.run("fault-9-n3", false), 3);
}

TEST_CASE("upstream: odd usage is passed on as it was said", "[upstream]") {
    for (const bool stream : {true, false}) {
        Faults f;
        const Outcome none = f.run("fault-10-n2", stream);
        CHECK(none.end->kind == Kind::complete);
        CHECK_FALSE(none.end->usage);
        CHECK(none.n_text_bytes() == 12);
        const Outcome zero = f.run("fault-11-zero", stream);
        REQUIRE(zero.end->usage);
        CHECK(zero.end->usage->n_prompt == 0);
        CHECK(zero.end->usage->n_output == 0);
        CHECK(f.run("fault-11-absurd", stream).end->usage->n_output == 1'000'000'000'000);
        check_complete(f.run("fault-11-twice-n4", stream), 4);
        check_complete(f.run("fault-11-delta-n4", stream), 4);
    }
}

TEST_CASE("upstream: events split at every byte", "[upstream]") {
    Faults f;
    const Outcome split = f.run("fault-12-n5", true);
    check_complete(split, 5);
    CHECK(split.chunks.size() == 8);
    CHECK(split.chunks[3].data.find("流れ") != std::string::npos);
    check_complete(f.run("fault-12-n5", false), 5);
}

TEST_CASE("upstream: interleaved tool calls keep apart", "[upstream]") {
    Faults f;
    const Outcome tools = f.run("fault-13", true);
    CHECK(tools.end->kind == Kind::complete);
    CHECK(tools.end->finish_reason == "tool_calls");
    const int expected[] = {0, 0, 1, 0, 1};
    for (size_t i = 0; i < 5; ++i) {
        CHECK(tools.chunks[i + 1].data.find("\"index\":" + std::to_string(expected[i]) + "}]}") !=
              std::string::npos);
    }
    CHECK(f.run("fault-13", false).end->finish_reason == "tool_calls");
}

TEST_CASE("upstream: a slow drip ends by the time to the first event", "[upstream]") {
    Faults f;
    f.bench.timeouts.ttft = 100ms;
    f.bench.timeouts.total = 300ms;
    const Outcome drip = f.run("fault-16-ms20", true);
    check_failed(drip, FailureClass::timeout_ttft);
    CHECK(drip.chunks.empty());
    check_failed(f.run("fault-16-ms20", false), FailureClass::timeout_idle);
}

TEST_CASE("upstream: thinking until the limit, and more than was asked for", "[upstream]") {
    for (const bool stream : {true, false}) {
        Faults f;
        const Outcome thought = f.run("fault-17", stream, 7);
        check_complete(thought, 7);
        CHECK(thought.end->usage->n_reasoning == 7);
        CHECK(thought.end->finish_reason == "length");
        check_complete(f.run("fault-18", stream, 7), 12);
        const Outcome held = f.run("ok-n50", stream, 7);
        check_complete(held, 7);
        CHECK(held.end->finish_reason == "length");
    }
}
