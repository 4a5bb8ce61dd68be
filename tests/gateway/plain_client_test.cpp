// What our own client for plain HTTP meets beyond the faults of upstream_faults_test.cpp.
#include <atomic>
#include <catch2/catch.hpp>
#include <random>

#include "tests/gateway/upstream_fixture.h"

using config::FailureClass;
using Kind = gateway::AttemptEnd::Kind;
using mock::Step;
using namespace std::chrono_literals;

namespace {

const std::string kEvents =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"stream\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

std::string chunk(const std::string& bytes, const std::string& extension = "") {
    char size[20];
    std::snprintf(size, sizeof size, "%zx", bytes.size());
    return size + extension + "\r\n" + bytes + "\r\n";
}

std::string chunked_answer() {
    std::string out =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    out += chunk(kEvents.substr(0, 10)) + chunk(kEvents.substr(10, 60), ";a=b");
    return out + chunk(kEvents.substr(70)) + "0\r\nX-Trailer: t\r\n\r\n";
}

void answer_in_pieces(mock::Upstream& upstream, const std::vector<std::string>& pieces,
                      bool closes = false) {
    upstream.set_script("it", [pieces, closes](const mock::Request&) {
        std::vector<Step> steps;
        for (const std::string& piece : pieces) steps.push_back({Step::Kind::send, piece});
        if (closes) steps.push_back({Step::Kind::close, ""});
        return mock::script_of(steps);
    });
}

}  // namespace

TEST_CASE("plain client: chunks with extensions and trailers, cut anywhere", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    const std::string answer = chunked_answer();
    for (size_t cut = 1; cut < answer.size(); cut += 3) {
        answer_in_pieces(upstream, {answer.substr(0, cut), answer.substr(cut)});
        const Outcome outcome = bench.run({"it"});
        INFO("cut at " << cut << ": " << outcome.end->detail);
        REQUIRE(outcome.end->kind == Kind::complete);
        REQUIRE(outcome.chunks.size() == 2);
        CHECK(outcome.n_text_bytes() == 6);
    }
}

TEST_CASE("plain client: one byte at a time", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    std::vector<std::string> bytes;
    for (const char c : chunked_answer()) bytes.emplace_back(1, c);
    answer_in_pieces(upstream, bytes);
    CHECK(bench.run({"it"}).end->kind == Kind::complete);
}

TEST_CASE("plain client: interim answers come before the answer", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    answer_in_pieces(upstream, {"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 "
                                "Continue\r\n\r\n" +
                                chunked_answer()});
    const Outcome outcome = bench.run({"it"});
    CHECK(outcome.end->kind == Kind::complete);
    CHECK(outcome.end->upstream_status == 200);
}

TEST_CASE("plain client: an answer without a length ends with its connection", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    answer_in_pieces(
        upstream, {"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + kEvents}, true);
    CHECK(bench.run({"it"}).end->kind == Kind::complete);
    CHECK(bench.run({"it"}).end->kind == Kind::complete);
    CHECK(upstream.n_connections() == 2);
}

TEST_CASE("plain client: an answer that claims more than it sends is cut", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    answer_in_pieces(upstream,
                     {"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                      "99\r\n\r\n{\"choices\":"},
                     true);
    CHECK(bench.run({"it", false}).end->failure == FailureClass::cut);
}

TEST_CASE("plain client: a kept connection that breaks under a request is not the request's fault",
          "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    CHECK(bench.run({"ok"}).end->kind == Kind::complete);
    REQUIRE(upstream.wait_ended(1));
    while (bench.io.poll() > 0) continue;  // until the connection is kept
    // The second request of a connection is dropped unread; on a new one it is answered.
    auto n_asked = std::make_shared<std::atomic<int>>(0);
    upstream.set_script("it", [n_asked](const mock::Request&) {
        if ((*n_asked)++ == 0) return mock::script_of({{Step::Kind::close, ""}});
        return mock::script_of({{Step::Kind::send, chunked_answer()}});
    });
    CHECK(bench.run({"it"}).end->kind == Kind::complete);
    CHECK(*n_asked == 2);
    REQUIRE(upstream.wait_ended(3));
    // Once only, and never on a new connection.
    upstream.close_idle();
    while (bench.io.poll() > 0) continue;
    *n_asked = 0;
    CHECK(bench.run({"it"}).end->failure == FailureClass::connect);
    CHECK(*n_asked == 1);
}

TEST_CASE("plain client: a compressed answer was not asked for", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    answer_in_pieces(upstream,
                     {"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: "
                      "gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08"});
    const Outcome outcome = bench.run({"it"});
    CHECK(outcome.end->kind == Kind::failed);
    CHECK(outcome.end->detail.find("compressed") != std::string::npos);
}

TEST_CASE("plain client: names are resolved, and one that is none is a failed connect",
          "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench("http://localhost:" + std::to_string(upstream.port()) + "/v1");
    CHECK(bench.run({"ok"}).end->kind == Kind::complete);
    CHECK(upstream.log()[0].request.headers.at("host") ==
          "localhost:" + std::to_string(upstream.port()));
    bench.upstream().base_url = "http://a name.invalid:1/v1";
    CHECK(bench.run({"ok"}).end->failure == FailureClass::connect);
    bench.upstream().base_url = "http://127.0.0.1:1/v1";
    CHECK(bench.run({"ok"}).end->failure == FailureClass::connect);
}

TEST_CASE("plain client: an attempt dropped while it connects tells nobody", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    for (int i = 0; i < 20; ++i) {
        auto attempt = bench.start({"ok"});
        for (int turn = 0; turn < i % 5; ++turn) bench.io.poll_one();
        attempt.reset();
        while (bench.io.poll() > 0) continue;
    }
    CHECK(bench.run({"ok"}).end->kind == Kind::complete);
}

TEST_CASE("plain client: broken answers end in some way", "[upstream]") {
    mock::Upstream upstream;
    UpstreamBench bench(upstream.base_url());
    const std::string answer = chunked_answer();
    std::mt19937 random(7);
    for (int i = 0; i < 300; ++i) {
        std::string bytes = answer;
        for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
        answer_in_pieces(upstream, {bytes.substr(0, random() % bytes.size() + 1)}, true);
        const Outcome outcome = bench.run({"it"});
        CHECK((outcome.end->kind == Kind::failed || outcome.end->kind == Kind::complete));
    }
}
