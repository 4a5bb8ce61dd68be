#include "gateway/server/server.h"

#include <catch2/catch.hpp>

#include "tests/gateway/test_server.h"

using namespace test;
using namespace std::chrono_literals;
using support::RawAnswer;
using support::RawClient;

namespace {

// The one answer with which the server ends the connection.
RawAnswer last_answer(RawClient& client) {
    const auto answers = support::parse_answers(client.read_to_end());
    REQUIRE(answers.size() == 1);
    return answers[0];
}

std::string sized_head(size_t size, const std::string& more = {}) {
    const std::string begin = "GET /hello HTTP/1.1\r\nHost: a\r\n" + more + "X: ";
    return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
}

}  // namespace

TEST_CASE("limits: head, fields, target and body at the limit and one beyond", "[server]") {
    TestServer::Options options;
    options.limits.head_bytes_max = 20'000;
    options.limits.n_head_fields_max = 10;
    options.limits.target_bytes_max = 1'000;
    options.limits.body_bytes_max = 50'000;
    TestServer server(options);
    const auto status = [&](const std::string& request) {
        RawClient client(server.address());
        client.send(request);
        return client.read_answer().status;
    };
    const auto fields = [](int n) {
        std::string text;
        for (int i = 0; i < n; ++i) text += "X: y\r\n";
        return text;
    };
    const std::string chunked =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto chunk = [](size_t n) {
        return "61a8\r\n" + std::string(25'000, 'x') + "\r\n" +
               (n == 0 ? "0\r\n\r\n" : "1\r\nx\r\n0\r\n\r\n");
    };
    CHECK(status(sized_head(20'000)) == 200);
    CHECK(status(sized_head(20'001)) == 431);
    CHECK(status(get("/hello", fields(9))) == 200);
    CHECK(status(get("/hello", fields(10))) == 431);
    CHECK(status(get("/hello?" + std::string(1'000 - 7, 'x'))) == 200);
    CHECK(status(get("/hello?" + std::string(1'001 - 7, 'x'))) == 414);
    CHECK(status(post("/echo", std::string(50'000, 'x'))) == 200);
    const std::string half = "61a8\r\n" + std::string(25'000, 'x') + "\r\n";
    CHECK(status(chunked + half + chunk(0)) == 200);
    CHECK(status(chunked + half + chunk(1)) == 413);
    // Refused by what is announced: none of these bodies is ever sent.
    CHECK(status("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50001\r\n\r\n") == 413);
    CHECK(status(chunked + "c351\r\n") == 413);
    CHECK(status("GET /" + std::string(1'001, 'x')) == 414);
    CHECK(status("GET /hello HTTP/1.1\r\nX: " + std::string(20'000, 'x')) == 431);
}

TEST_CASE("limits: new ones hold for new connections", "[server]") {
    TestServer server;
    RawClient old(server.address());
    old.send(get("/hello"));
    old.read_answer();
    config::Limits tight;
    tight.body_bytes_max = 4;
    server->set_limits(tight);
    RawClient fresh(server.address());
    fresh.send(post("/echo", "hello"));
    CHECK(fresh.read_answer().status == 413);
    old.send(post("/echo", "hello"));
    CHECK(old.read_answer().status == 200);
}

TEST_CASE("limits: a connection above n_connections_max is answered 503 and closed", "[server]") {
    TestServer::Options options;
    options.limits.n_connections_max = 2;
    TestServer server(options);
    RawClient first(server.address());
    first.send(get("/hello"));
    CHECK(first.read_answer().status == 200);
    RawClient second(server.address());
    second.send(get("/hello"));
    CHECK(second.read_answer().status == 200);
    RawClient third(server.address());
    CHECK(last_answer(third).status == 503);
    CHECK(server->counters().n_connections_refused == 1);
    CHECK(server->counters().n_connections_open == 2);
}

TEST_CASE("deadlines: a silent connection is closed silently, a begun head gets 408", "[server]") {
    TestServer::Options options;
    options.limits.head_timeout = 50ms;
    TestServer server(options);
    RawClient silent(server.address());
    CHECK(silent.read_to_end().empty());
    // On a busy machine the client may be late with its first byte: that is the case above, once
    // more.
    std::string answered;
    while (answered.empty()) {
        RawClient slow(server.address());
        slow.send("GET /hello HTTP/1.1\r\nHo");
        answered = slow.read_to_end();
    }
    const auto answers = support::parse_answers(answered);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 408);
    CHECK(server.handler().n_handled == 0);
}

TEST_CASE("deadlines: a body without progress gets 408, chunked or not", "[server]") {
    TestServer::Options options;
    options.limits.body_timeout = 50ms;
    TestServer server(options);
    RawClient sized(server.address());
    sized.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    CHECK(last_answer(sized).status == 408);
    RawClient chunked(server.address());
    chunked.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell");
    CHECK(last_answer(chunked).status == 408);
    RawClient invited(server.address());
    invited.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    invited.read_until("100 Continue\r\n\r\n");
    CHECK(last_answer(invited).status == 408);
    CHECK(server.handler().n_handled == 0);
}

TEST_CASE("deadlines: an idle connection is closed silently", "[server]") {
    TestServer::Options options;
    options.limits.idle_timeout = 50ms;
    TestServer server(options);
    RawClient client(server.address());
    client.send(get("/hello"));
    CHECK(client.read_answer().status == 200);
    CHECK(client.read_to_end().empty());
}

TEST_CASE("deadlines: the request's total makes the client gone for the handler", "[server]") {
    TestServer::Options options;
    options.limits.request_timeout = 50ms;
    TestServer server(options);
    RawClient client(server.address());
    client.send(get("/hold"));
    CHECK(client.read_to_end().empty());
    CHECK(server.handler().happenings.wait_for("failed /hold"));
    CHECK(server.handler().happenings.count("gone /hold") == 1);
}

TEST_CASE("deadlines: a client that never reads parks the producer and is cut", "[server]") {
    TestServer::Options options;
    options.limits.write_timeout = 100ms;
    TestServer server(options);
    RawClient client(server.address(), 4'096);
    client.send(get("/stream-flood"));
    CHECK(server.handler().happenings.wait_for("failed /stream-flood"));
    // Only what the kernel's buffers hold was ever taken from the producer.
    CHECK(server.handler().n_flooded < 32 << 20);
}

TEST_CASE("client gone: FIN, RST and disconnects during a stream reach the handler", "[server]") {
    TestServer server;
    auto& happenings = server.handler().happenings;
    for (int how = 0; how < 3; ++how) {
        RawClient client(server.address());
        const std::string path = how == 2 ? "/hold" : "/stream-hold";
        client.send(get(path));
        if (how == 2) {
            CHECK(happenings.wait_for("handled /hold"));
        } else {
            client.read_until("one\r\n");
        }
        if (how == 0) client.end_output();
        if (how == 1) client.reset();
        if (how == 2) client.close();
        CHECK(happenings.wait_for("failed " + path));
    }
    CHECK(happenings.count("gone /stream-hold") == 2);
    CHECK(happenings.count("gone /hold") == 1);
}

TEST_CASE("client gone: a half-closed client is served where the listener allows it", "[server]") {
    TestServer::Options options;
    options.half_closed_clients = true;
    TestServer server(options);
    RawClient client(server.address());
    client.send(get("/stream") + post("/echo", "hello"));
    client.end_output();
    const auto answers = support::parse_answers(client.read_to_end());
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "onetwothree");
    CHECK(answers[1].body == "hello");

    // A reset is the end all the same.
    RawClient held(server.address());
    held.send(get("/stream-hold"));
    held.read_until("one\r\n");
    held.reset();
    CHECK(server.handler().happenings.wait_for("failed /stream-hold"));
}

TEST_CASE("drain: idle connections end, answers say close, nobody new gets in", "[server]") {
    TestServer server;
    RawClient idle(server.address());
    idle.send(get("/hello"));
    idle.read_answer();
    RawClient busy(server.address());
    busy.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    CHECK(server.handler().happenings.wait_for("judged /echo"));
    RawClient held(server.address());
    held.send(get("/stream-hold"));
    held.read_until("one\r\n");
    server->stop_accepting();
    CHECK(idle.read_to_end().empty());
    CHECK_THROWS(RawClient(server.address()));
    busy.send("lo");
    const RawAnswer answer = last_answer(busy);
    CHECK(answer.body == "hello");
    CHECK(answer.fields.at("connection") == "close");
    CHECK(server.handler().happenings.count("gone /stream-hold") == 0);
    server->abort_all();
    CHECK(server.handler().happenings.wait_for("gone /stream-hold"));
    held.read_to_end();
    server.stop();
    CHECK(server->counters().n_connections_open == 0);
}

TEST_CASE("server: a taken port and a bad address are refused in one line", "[server]") {
    TestServer server;
    std::vector<std::unique_ptr<gateway::IoThread>> threads;
    threads.push_back(std::make_unique<gateway::IoThread>());
    config::Listen listen;
    const std::string address = server.address();
    listen.port = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    CHECK_THROWS_WITH(
        gateway::Server::create(listen, {}, std::nullopt, threads, server.handler()),
        Catch::StartsWith("cannot listen on 127.0.0.1 port " + std::to_string(listen.port) + ": "));
    listen.address = "nowhere";
    CHECK_THROWS_WITH(gateway::Server::create(listen, {}, std::nullopt, threads, server.handler()),
                      Catch::StartsWith("cannot listen on nowhere port"));
}

TEST_CASE("server: 1,000 connections opened and closed leave nothing", "[server]") {
    TestServer server;
    for (int i = 0; i < 1'000; ++i) {
        RawClient client(server.address());
        switch (i % 5) {
            case 0:
                break;
            case 1:
                client.send("GET /hel");
                break;
            case 2:
                client.send(get("/hello"));
                client.read_answer();
                break;
            case 3:
                client.send(get("/hold"));
                client.reset();
                break;
            case 4:
                client.send("\r\n");
                break;
        }
    }
    server.stop();
    CHECK(server->counters().n_connections_accepted >= 790);  // what reset early is not counted
    CHECK(server->counters().n_connections_open == 0);
}

TEST_CASE("server: destroyed with connections in every state, it leaks nothing", "[server]") {
    ScriptedHandler handler;
    std::vector<std::unique_ptr<gateway::IoThread>> threads;
    threads.push_back(std::make_unique<gateway::IoThread>());
    boost::asio::io_context& io = threads[0]->io;
    config::Listen listen;
    listen.port = 0;
    auto server = gateway::Server::create(listen, {}, std::nullopt, threads, handler);
    server->start();
    RawClient idle(server->address());
    RawClient half(server->address());
    half.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    RawClient held(server->address());
    held.send(get("/stream-hold"));
    while (handler.happenings.count("handled /stream-hold") == 0 ||
           handler.happenings.count("judged /echo") == 0) {
        io.run_one();
    }
    server.reset();
    threads.clear();
    CHECK(handler.happenings.count("gone /stream-hold") == 0);
}

TEST_CASE("threads: two io threads share the connections and serve them at once",
          "[server][threads]") {
    TestServer::Options options;
    options.n_threads = 2;
    TestServer server(options);
    std::atomic<int> n_right{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back([&, i] {
            RawClient client(server.address());
            for (int j = 0; j < 50; ++j) {
                const std::string body = std::to_string(i * 1'000 + j);
                client.send(post("/echo", body) + get("/stream"));
                n_right += client.read_answer().body == body;
                n_right += client.read_answer().body == "onetwothree";
            }
            client.send(get("/stream-hold"));
            client.read_until("one\r\n");
        });
    }
    server->set_limits({});
    for (std::thread& client : clients) client.join();
    CHECK(n_right == 800);
    server->stop_accepting();
    server->abort_all();
    server.stop();
    CHECK(server.handler().happenings.count("failed /stream-hold") == 8);
    CHECK(server->counters().n_connections_open == 0);
}
