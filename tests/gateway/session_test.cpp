#include "gateway/server/session.h"

#include <catch2/catch.hpp>

#include "tests/gateway/framing_vectors.h"
#include "tests/gateway/test_server.h"

using namespace test;
using support::RawAnswer;
using support::RawClient;

TEST_CASE("session: every framing vector gets one answer, then the close; nothing is handled",
          "[server]") {
    TestServer server;
    int64_t n_refused = 0;
    for (const auto& vector : framing_vectors()) {
        INFO(vector.name);
        const int n_handled = server.handler().n_handled;
        RawClient client(server.address());
        client.send(vector.bytes);
        const auto answers = support::parse_answers(client.read_to_end());
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].complete);
        CHECK(answers[0].status == (vector.status == 0 ? 200 : vector.status));
        CHECK(answers[0].fields.at("connection") == "close");
        CHECK(server.handler().n_handled == n_handled + (vector.status == 0 ? 1 : 0));
        n_refused += vector.status != 0;
    }
    CHECK(server->counters().n_framing_errors == n_refused);
}

TEST_CASE("session: 100 requests on one connection", "[server]") {
    TestServer server;
    RawClient client(server.address());
    for (int i = 0; i < 100; ++i) {
        client.send(post("/echo", std::to_string(i)));
        const RawAnswer answer = client.read_answer();
        CHECK(answer.body == std::to_string(i));
        CHECK(answer.fields.at("server") == "weir");
        CHECK(answer.fields.at("date").ends_with(" GMT"));
        CHECK_FALSE(answer.fields.contains("connection"));
    }
    CHECK(server->counters().n_connections_accepted == 1);
}

TEST_CASE("session: pipelined requests are answered in order", "[server]") {
    TestServer server;
    RawClient client(server.address());
    std::string all;
    for (int i = 0; i < 500; ++i) {
        // The body looks like a request; it must stay a body.
        all += post("/echo", get("/hidden" + std::to_string(i)));
        all += get("/hello");
    }
    std::thread sender([&] { client.send(all); });
    for (int i = 0; i < 500; ++i) {
        CHECK(client.read_answer().body == get("/hidden" + std::to_string(i)));
        CHECK(client.read_answer().body == "hello");
    }
    sender.join();
    CHECK(server.handler().n_handled == 1'000);
    CHECK(server.handler().happenings.count("handled /hidden0") == 0);
}

TEST_CASE("session: what is pipelined behind a held request waits and is answered", "[server]") {
    TestServer::Options options;
    options.limits.request_timeout = std::chrono::minutes(5);
    TestServer server(options);
    RawClient client(server.address());
    client.send(get("/stream-hold") + get("/hello"));
    client.read_until("one\r\n");
    CHECK(server.handler().happenings.count("handled /hello") == 0);
    // More than is read ahead: the connection is no longer read, and nothing is lost or grows.
    client.send(get("/" + std::string(6'000, 'x')) + get("/" + std::string(6'000, 'x')));
    CHECK(server.handler().happenings.count("gone /stream-hold") == 0);
}

TEST_CASE("session: a body in any cut, and larger than every buffer", "[server]") {
    TestServer server;
    RawClient client(server.address());
    const std::string request = post("/echo", "hello world");
    for (const char c : request) client.send({&c, 1});
    CHECK(client.read_answer().body == "hello world");

    std::string large(3'000'000, 'x');
    for (size_t i = 0; i < large.size(); i += 1'000)
        large[i] = static_cast<char>('a' + i / 1'000 % 26);
    std::thread sender([&] { client.send(post("/echo", large)); });
    CHECK(client.read_answer().body == large);
    sender.join();
    std::string chunks;
    for (size_t at = 0; at < large.size(); at += 100'000) {
        chunks += "186a0\r\n" + large.substr(at, 100'000) + "\r\n";
    }
    std::thread chunk_sender([&] {
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    chunks + "0\r\n\r\n" + get("/hello"));
    });
    CHECK(client.read_answer().body == large);
    CHECK(client.read_answer().body == "hello");
    chunk_sender.join();
}

TEST_CASE("session: the handler sees the head", "[server]") {
    TestServer server;
    RawClient client(server.address());
    client.send(post("/fields/?q=1", "b", "X-Y: z\r\n"));
    const std::string body = client.read_answer().body;
    CHECK(body.starts_with(
        "POST /fields ?q=1\nhost=a\nx-y=z\ncontent-length=1\nbody=b\npeer=127.0.0.1:"));
}

TEST_CASE("session: HEAD gets the head of the answer alone", "[server]") {
    TestServer server;
    RawClient client(server.address());
    client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"));
    const RawAnswer head = client.read_answer(true);
    CHECK(head.fields.at("content-length") == "5");
    CHECK(client.read_answer().body == "hello");
    client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"));
    CHECK(client.read_answer(true).fields.at("transfer-encoding") == "chunked");
    CHECK(client.read_answer().body == "hello");
}

TEST_CASE("session: HTTP/1.0 closes unless asked, and gets no chunks", "[server]") {
    TestServer server;
    {
        RawClient client(server.address());
        client.send("GET /hello HTTP/1.0\r\n\r\n");
        const auto answers = support::parse_answers(client.read_to_end());
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].fields.at("connection") == "close");
    }
    {
        RawClient client(server.address());
        client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        CHECK(client.read_answer().fields.at("connection") == "keep-alive");
        client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const auto answers = support::parse_answers(client.read_to_end());
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].body == "onetwothree");
        CHECK_FALSE(answers[0].fields.contains("transfer-encoding"));
    }
}

TEST_CASE("session: Expect is answered with 100, or with the final status at once", "[server]") {
    TestServer server;
    RawClient client(server.address());
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    CHECK(client.read_answer().body == "hello");
    // The body is here already: nothing to invite.
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(client.read_answer().status == 200);
    client.send(
        "POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const auto answers = support::parse_answers(client.read_to_end());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 401);
}

TEST_CASE("session: after an early answer a small body is dropped, a large one ends the connection",
          "[server]") {
    TestServer server;
    RawClient client(server.address());
    client.send(post("/early", get("/hidden")) + get("/hello"));
    CHECK(client.read_answer().status == 401);
    CHECK(client.read_answer().body == "hello");
    client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    const auto answers = support::parse_answers(client.read_to_end());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].fields.at("connection") == "close");

    RawClient chunked(server.address());
    chunked.send("POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(support::parse_answers(chunked.read_to_end()).size() == 1);
    CHECK(server.handler().happenings.count("handled /early") == 0);
    CHECK(server.handler().n_handled == 1);
}

TEST_CASE("session: after an early answer a client can send all of a large body", "[server]") {
    TestServer server;
    RawClient client(server.address());
    CHECK(client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n" +
                      std::string(33'554'432, 'x')));
    const auto answers = support::parse_answers(client.read_to_end());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 401);
}

TEST_CASE("session: a handler that throws or forgets to answer is a 500, the process lives on",
          "[server]") {
    TestServer server;
    for (const char* path : {"/throw", "/throw-held", "/silent", "/judge-throw"}) {
        INFO(path);
        RawClient client(server.address());
        client.send(get(path));
        const auto answers = support::parse_answers(client.read_to_end());
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].status == 500);
    }
    RawClient client(server.address());
    client.send(get("/hello"));
    CHECK(client.read_answer().status == 200);
}

TEST_CASE("session: header values are clean, our own headers cannot be overridden", "[server]") {
    TestServer server;
    RawClient client(server.address());
    client.send(get("/split"));
    const RawAnswer answer = client.read_answer();
    CHECK(answer.body == "hello");
    CHECK(answer.fields.at("x-echo") == "aset-cookie: bc");
    CHECK(answer.fields.at("x-good") == "yes");
    CHECK_FALSE(answer.fields.contains("set-cookie"));
    CHECK_FALSE(answer.fields.contains("bad name"));
}

TEST_CASE("session: a stream is chunks, the connection goes on after it", "[server]") {
    TestServer server;
    RawClient client(server.address());
    client.send(get("/stream"));
    const std::string bytes = client.read_until("0\r\n\r\n");
    CHECK(bytes.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"));
    CHECK(bytes.find("cache-control: no-cache\r\n") != std::string::npos);
    client.send(get("/stream-empty"));
    CHECK(client.read_answer().complete);
    client.send(get("/close"));
    CHECK(support::parse_answers(client.read_to_end())[0].fields.at("connection") == "close");
}

TEST_CASE("session: a stream that is cut has no last chunk", "[server]") {
    TestServer server;
    for (const char* path : {"/stream-cut", "/throw-late"}) {
        INFO(path);
        RawClient client(server.address());
        client.send(get(path));
        const auto answers = support::parse_answers(client.read_to_end());
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].body.empty() == false);
        CHECK_FALSE(answers[0].complete);
    }
}
