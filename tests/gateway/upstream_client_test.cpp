#include "gateway/upstream/upstream_client.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/gateway/upstream_fixture.h"

using config::FailureClass;
using Kind = gateway::AttemptEnd::Kind;
using namespace std::chrono_literals;

namespace {

std::string http(const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + headers + "\r\ncontent-length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

void answer_with(mock::Upstream& upstream, const std::string& model, const std::string& bytes) {
    upstream.set_script(model, [bytes](const mock::Request&) {
        return mock::script_of({{mock::Step::Kind::send, bytes}});
    });
}

std::string event_stream(const std::string& body) {
    return http("200 OK\r\ncontent-type: text/event-stream", body);
}

}  // namespace

TEST_CASE("upstream client: one connection serves one request after the other", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    for (int i = 0; i < 20; ++i) {
        CHECK(bench.run({"ok-n3", i % 2 == 0}).end->kind == Kind::complete);
        REQUIRE(upstream.wait_ended(static_cast<size_t>(i) + 1));
    }
    // A stream's transfer may still be ending when the next request starts: then that one opens
    // another.
    CHECK(upstream.n_connections() <= 3);
}

TEST_CASE("upstream client: a connection is used again though [DONE] came before the end",
          "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    const std::string data =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: "
        "[DONE]\n\n";
    upstream.set_script("late", [&](const mock::Request&) {
        return mock::script_of(
            {{mock::Step::Kind::send,
              "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: " +
                  std::to_string(data.size() + 2) + "\r\n\r\n" + data},
             {mock::Step::Kind::wait, "", 30ms},
             {mock::Step::Kind::send, "\n\n"}});
    });
    CHECK(bench.run({"late"}).end->kind == Kind::complete);
    while (upstream.log()[0].ended.empty()) bench.io.poll();
    while (bench.io.poll() > 0) continue;
    CHECK(bench.run({"ok"}).end->kind == Kind::complete);
    CHECK(upstream.n_connections() == 1);
}

TEST_CASE("upstream client: an idle connection that the upstream closes costs nothing",
          "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    CHECK(bench.run({"ok-n3"}).end->kind == Kind::complete);
    REQUIRE(upstream.wait_ended(1));
    while (bench.io.poll() > 0) continue;
    upstream.close_idle();
    size_t n_handlers = 0;
    while (n_handlers < 1000 && bench.io.poll_one() > 0) ++n_handlers;
    CHECK(n_handlers < 10);
    CHECK(bench.run({"ok-n3"}).end->kind == Kind::complete);
    CHECK(upstream.n_connections() == 2);
}

TEST_CASE("upstream client: cancel ends the attempt with the usage known and closes the connection",
          "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    upstream.set_script("used", [](const mock::Request&) {
        return mock::script_of({{mock::Step::Kind::send,
                                 "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: "
                                 "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],"
                                 "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n"},
                                {mock::Step::Kind::hang, ""}});
    });
    auto attempt = bench.start({"used"});
    CHECK(bench.next(*attempt).chunks.size() == 1);
    Outcome outcome;
    boost::asio::co_spawn(bench.io, UpstreamBench::collect(*attempt, outcome),
                          boost::asio::detached);
    bench.io.poll();
    CHECK_FALSE(outcome.end);
    attempt->cancel();
    CHECK(upstream.wait_ended(1));  // the connection went within cancel(): nothing has run since
    CHECK(upstream.log()[0].ended == "client_gone");
    bench.io.poll();
    REQUIRE(outcome.end);
    CHECK(outcome.end->kind == Kind::cancelled);
    REQUIRE(outcome.end->usage);
    CHECK(outcome.end->usage->n_output == 1);
}

TEST_CASE("upstream client: a destroyed attempt is cancelled, at any chunk", "[upstream]") {
    mock::Upstream upstream;
    auto inflight = std::make_shared<gateway::InflightCounts>();
    UpstreamBench bench(upstream.base_url(), inflight);
    for (size_t k = 0; k < 5; ++k) {
        auto attempt = bench.start({"fault-8-k5"});
        CHECK(inflight->n_inflight("mock") == 1);
        size_t n_taken = 0;
        while (n_taken < k) n_taken += bench.next(*attempt).chunks.size();
        // At once, before a byte went out, the upstream may never hear of it.
        while (upstream.log().size() <= k) bench.io.poll();
        attempt.reset();
        CHECK(inflight->n_inflight("mock") == 0);
        REQUIRE(upstream.wait_ended(k + 1));
        CHECK(upstream.log()[k].ended == "client_gone");
    }
    bench.start({"ok"}).reset();
    CHECK(bench.run({"ok"}).end->kind == Kind::complete);
}

TEST_CASE("upstream client: wake() brings next() back empty", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    auto attempt = bench.start({"fault-2"});
    attempt->wake();  // nobody waits
    std::optional<gateway::AttemptBatch> batch;
    boost::asio::co_spawn(bench.io, UpstreamBench::take(*attempt, batch), boost::asio::detached);
    bench.io.poll();
    CHECK_FALSE(batch);
    attempt->wake();
    bench.io.poll();
    REQUIRE(batch);
    CHECK(batch->chunks.empty());
    CHECK_FALSE(batch->end);
    attempt->cancel();
    CHECK(bench.next(*attempt).end->kind == Kind::cancelled);
}

TEST_CASE("upstream client: silence behind the finish reason is an end", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    bench.timeouts.idle = 30ms;
    upstream.set_script("mute", [](const mock::Request&) {
        return mock::script_of(
            {{mock::Step::Kind::send,
              "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
              "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"},
             {mock::Step::Kind::hang, ""}});
    });
    CHECK(bench.run({"mute"}).end->kind == Kind::complete);
    REQUIRE(upstream.wait_ended(1));
    CHECK(upstream.log()[0].ended == "client_gone");
}

TEST_CASE("upstream client: an answer that is not taken is not held", "[upstream]") {
    constexpr int64_t kChunks = 5000, kTextBytes = 10'000;  // 50 MB
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    bench.timeouts.idle = 1s;  // does not count while we are the slow ones
    auto attempt = bench.start({"ok-n5000-b10000", true, true, 10'000});
    // Until the upstream cannot send and nothing is left for us to do.
    for (int n_quiet = 0; n_quiet < 100;) {
        n_quiet = bench.io.poll() == 0 && upstream.is_blocked() ? n_quiet + 1 : 0;
    }
    CHECK(upstream.log()[0].n_bytes < 40'000'000);  // what the kernels hold
    const auto batch = bench.next(*attempt);
    size_t n_held = 0;
    for (const auto& chunk : batch.chunks) n_held += chunk.data.size();
    CHECK(n_held >= 64 << 10);
    CHECK(n_held < 100 << 10);
    Outcome rest = bench.drain(*attempt);
    CHECK(rest.end->kind == Kind::complete);
    CHECK(rest.end->usage->n_output == kChunks);
    int64_t n_text = rest.n_text_bytes();
    for (const auto& chunk : batch.chunks) n_text += chunk.n_text_bytes;
    CHECK(n_text == kChunks * kTextBytes);
}

TEST_CASE("upstream client: a parked stream still ends by the total time", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    bench.timeouts.total = 200ms;
    bench.timeouts.idle = 20ms;
    auto attempt = bench.start({"ok-n5000-b10000", true, true, 10'000});
    while (upstream.log().empty() || upstream.log()[0].ended.empty()) bench.io.poll();
    CHECK(upstream.log()[0].ended == "client_gone");
    const Outcome outcome = bench.drain(*attempt);
    CHECK(outcome.end->failure == FailureClass::timeout_idle);
    CHECK_FALSE(outcome.chunks.empty());
}

TEST_CASE("upstream client: limits on events and answers", "[upstream]") {
    mock::Upstream upstream;
    config::Limits limits;
    limits.sse_event_bytes_max = 1000;
    limits.answer_bytes_max = 1000;
    UpstreamBench bench(upstream.base_url(), nullptr, limits);
    CHECK(bench.run({"ok-b2000"}).end->failure == FailureClass::malformed);
    CHECK(bench.run({"ok-b2000", false}).end->failure == FailureClass::malformed);
    CHECK(bench.run({"ok-n1-b10", false}).end->kind == Kind::complete);
}

TEST_CASE("upstream client: n_inflight_max is held over all clients", "[upstream]") {
    mock::Upstream upstream;
    auto inflight = std::make_shared<gateway::InflightCounts>();
    UpstreamBench one(upstream.base_url(), inflight);
    UpstreamBench two(upstream.base_url(), inflight);
    two.upstream().n_inflight_max = 1;
    auto held = one.start({"fault-2"});
    const Outcome refused = two.run({"ok"});
    CHECK(refused.end->kind == Kind::failed);
    CHECK(refused.end->failure == FailureClass::overloaded);
    held.reset();
    CHECK(two.run({"ok"}).end->kind == Kind::complete);
}

TEST_CASE("upstream client: odd answers", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    const auto end_of = [&](const std::string& bytes, bool stream = true) {
        answer_with(upstream, "odd", bytes);
        return *bench.run({"odd", stream}).end;
    };
    CHECK(end_of(http("302 Found\r\nlocation: http://127.0.0.1:1/", "")).failure ==
          FailureClass::server_error);
    CHECK(end_of(http("200 OK\r\ncontent-type: application/json", "{}")).failure ==
          FailureClass::malformed);
    CHECK(end_of(http("200 OK\r\ncontent-type: application/json",
                      R"({"error":{"code":"rate_limit_exceeded"}})"))
              .failure == FailureClass::rate_limit);
    CHECK(end_of(http("500 No\r\ncontent-type: text/html", std::string(1 << 20, 'x'))).failure ==
          FailureClass::server_error);
    CHECK(end_of(event_stream(": nothing\n\n")).failure == FailureClass::cut);
    CHECK(end_of(event_stream("data: [DONE]\n\n")).failure == FailureClass::cut);
    CHECK(end_of(event_stream("data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n"))
              .failure == FailureClass::malformed);
    CHECK(end_of(event_stream("data: {\"choices\":[{\"delta\":{\"cont")).failure ==
          FailureClass::cut);
    const auto unended = end_of(event_stream(
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DO"));
    CHECK(unended.kind == Kind::complete);
    const auto caller = end_of(http(
        "400 Bad\r\ncontent-type: application/json",
        R"({"error":{"message":"no","type":"invalid_request_error","param":"stop","code":"unsupported_parameter"}})"));
    CHECK(caller.failure == FailureClass::caller_fault);
    CHECK(caller.message == "no");
    CHECK(caller.param == "stop");
    CHECK(caller.upstream_status == 400);
    const std::string completion =
        R"({"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]})";
    CHECK(end_of(http("200 OK\r\ncontent-type: application/json", "\n\n  \n" + completion), false)
              .kind == Kind::complete);
    CHECK(end_of(http("200 OK\r\ncontent-type: application/json", ""), false).failure ==
          FailureClass::malformed);
}

TEST_CASE("upstream client: time to connect is limited, and silence of a server is not it",
          "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    CHECK(bench.run({"ok"}).end->kind == Kind::complete);
    bench.timeouts.connect = 10ms;
    bench.timeouts.ttft = 60ms;
    CHECK(bench.run({"fault-2"}).end->failure == FailureClass::timeout_ttft);
    // A listener whose queue is full answers no SYN.
    boost::asio::ip::tcp::acceptor full(bench.io, {boost::asio::ip::tcp::v4()});
    full.bind({boost::asio::ip::address_v4::loopback(), 0});
    full.listen(0);
    std::vector<boost::asio::ip::tcp::socket> crowd;
    for (int i = 0; i < 3; ++i) {
        crowd.emplace_back(bench.io);
        crowd.back().async_connect(full.local_endpoint(), [](boost::system::error_code) {});
    }
    bench.io.poll();
    bench.upstream().base_url =
        "http://127.0.0.1:" + std::to_string(full.local_endpoint().port()) + "/v1";
    bench.timeouts.connect = 50ms;
    bench.timeouts.ttft = 10s;
    CHECK(bench.run({"ok"}).end->failure == FailureClass::connect);
}

TEST_CASE("upstream client: two io threads, many attempts", "[upstream][threads]") {
    mock::Upstream upstream;
    auto inflight = std::make_shared<gateway::InflightCounts>();
    const auto work = [&] {
        UpstreamBench bench(upstream.base_url(), inflight);
        for (int round = 0; round < 5; ++round) {
            std::vector<std::unique_ptr<gateway::Attempt>> attempts;
            std::vector<Outcome> outcomes(8);
            for (size_t i = 0; i < outcomes.size(); ++i) {
                attempts.push_back(bench.start({i % 4 == 3 ? "fault-7" : "ok-n10", i % 2 == 0}));
                boost::asio::co_spawn(bench.io, UpstreamBench::collect(*attempts[i], outcomes[i]),
                                      boost::asio::detached);
            }
            const auto open = [&] {
                return std::any_of(outcomes.begin(), outcomes.end(),
                                   [](const Outcome& o) { return !o.end; });
            };
            while (open()) bench.io.run_one();
            for (size_t i = 0; i < outcomes.size(); ++i) {
                if ((outcomes[i].end->kind == Kind::complete) != (i % 4 != 3)) std::abort();
            }
        }
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(inflight->n_inflight("mock") == 0);
    CHECK(upstream.wait_ended(80));
}
