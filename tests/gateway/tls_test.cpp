#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "gateway/server/tls_context.h"
#include "tests/gateway/test_server.h"
#include "tests/support/tls_client.h"

using namespace test;
using namespace std::chrono_literals;
using support::RawClient;
using support::TlsClient;

namespace {

// A self-signed certificate in a folder of its own, gone with this.
class Certificate {
public:
    explicit Certificate(long serial) {
        char path[] = "/tmp/weir-tls-XXXXXX";
        REQUIRE(mkdtemp(path) != nullptr);
        folder_ = path;
        files_ = {folder_ / "cert.pem", folder_ / "key.pem"};
        support::write_self_signed(files_.certificate, files_.private_key, serial);
    }
    ~Certificate() { std::filesystem::remove_all(folder_); }
    const config::Tls& files() const { return files_; }

private:
    std::filesystem::path folder_;
    config::Tls files_;
};

TestServer::Options with_tls(const Certificate& certificate) {
    TestServer::Options options;
    options.tls = certificate.files();
    return options;
}

}  // namespace

TEST_CASE("tls: requests, streams and pipelining as without", "[server]") {
    const Certificate certificate(1);
    TestServer server(with_tls(certificate));
    RawClient raw(server.address());
    TlsClient client(raw, {});
    REQUIRE(client.connected());
    CHECK(client.protocol() == "http/1.1");
    const std::string large(300'000, 'x');
    REQUIRE(client.send(post("/echo", large) + get("/stream") + get("/close")));
    const auto answers = support::parse_answers(client.read_to_end());
    REQUIRE(answers.size() == 3);
    CHECK(answers[0].body == large);
    CHECK(answers[1].body == "onetwothree");
    CHECK(answers[2].body == "hello");
    CHECK(client.ended_properly());
}

TEST_CASE("tls: a refused head gets its answer and a close_notify", "[server]") {
    const Certificate certificate(1);
    TestServer server(with_tls(certificate));
    RawClient raw(server.address());
    TlsClient client(raw, {});
    client.send("GET /hello HTTP/1.1\r\n\r\n");
    const auto answers = support::parse_answers(client.read_to_end());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 400);
    CHECK(client.ended_properly());
}

TEST_CASE("tls: 1.2 and 1.3 with AEAD suites only, ALPN http/1.1 only", "[server]") {
    const Certificate certificate(1);
    TestServer server(with_tls(certificate));
    const auto connects = [&](const TlsClient::Options& options) {
        RawClient raw(server.address());
        return TlsClient(raw, options).connected();
    };
    CHECK(connects({.version = 13}));
    CHECK(connects({.version = 12}));
    CHECK(connects({.version = 12, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}));
    CHECK_FALSE(connects({.version = 12, .ciphers = "ECDHE-ECDSA-AES128-SHA256"}));
    CHECK_FALSE(connects({.version = 12, .ciphers = "ECDHE-ECDSA-AES256-SHA"}));
    CHECK_FALSE(connects({.version = 11}));
    CHECK(connects({.alpn = "h2,http/1.1"}));
    CHECK(connects({.alpn = ""}));
    CHECK_FALSE(connects({.alpn = "h2"}));
}

TEST_CASE("tls: a reload is for new connections, a bad one changes nothing", "[server]") {
    const Certificate first(1);
    const Certificate second(2);
    TestServer server(with_tls(first));
    RawClient old_raw(server.address());
    TlsClient old(old_raw, {});
    CHECK(old.peer_serial() == 1);

    CHECK_FALSE(server->reload_tls(second.files()));
    RawClient fresh_raw(server.address());
    CHECK(TlsClient(fresh_raw, {}).peer_serial() == 2);
    old.send(get("/close"));
    CHECK(support::parse_answers(old.read_to_end()).size() == 1);

    const auto refused = [&](const config::Tls& files, const std::string& part) {
        const auto error = server->reload_tls(files);
        REQUIRE(error);
        CHECK(error->find(part) != std::string::npos);
        CHECK(error->find('\n') == std::string::npos);
    };
    refused({"/nonexistent/cert.pem", second.files().private_key}, "/nonexistent/cert.pem");
    refused({second.files().certificate, "/nonexistent/key.pem"}, "/nonexistent/key.pem");
    refused({first.files().certificate, second.files().private_key}, second.files().private_key);
    RawClient again_raw(server.address());
    CHECK(TlsClient(again_raw, {}).peer_serial() == 2);

    TestServer plain;
    CHECK(plain->reload_tls(first.files()));
}

TEST_CASE("tls: a start with a broken certificate is refused", "[server]") {
    const Certificate certificate(1);
    TestServer::Options options = with_tls(certificate);
    options.tls->certificate = options.tls->private_key;
    CHECK_THROWS_WITH(TestServer(options), Catch::StartsWith("tls: certificate "));
}

TEST_CASE("tls: no handshake in time, or no TLS at all: closed", "[server]") {
    const Certificate certificate(1);
    TestServer::Options options = with_tls(certificate);
    options.limits.head_timeout = 50ms;
    TestServer server(options);
    RawClient silent(server.address());
    CHECK(silent.read_to_end().empty());
    RawClient plain(server.address());
    plain.send(get("/hello"));
    CHECK(plain.read_to_end().find("HTTP/") == std::string::npos);
    CHECK(server.handler().n_handled == 0);
}

TEST_CASE("tls: renegotiation is refused", "[server]") {
    const Certificate certificate(1);
    TestServer server(with_tls(certificate));
    RawClient raw(server.address());
    TlsClient client(raw, {.version = 12});
    REQUIRE(client.connected());
    CHECK_FALSE(client.renegotiate());
}

TEST_CASE("tls: a client that goes away during a stream is noticed", "[server]") {
    const Certificate certificate(1);
    TestServer server(with_tls(certificate));
    for (int how = 0; how < 2; ++how) {
        RawClient raw(server.address());
        TlsClient client(raw, {});
        client.send(get("/stream-hold"));
        client.read_until("one\r\n");
        if (how == 0) client.say_goodbye();
        if (how == 1) raw.reset();
        CHECK(server.handler().happenings.wait_for("failed /stream-hold"));
    }
    server.stop();
    // A write may meet the end before the handler asked to be told.
    CHECK(server.handler().happenings.count("failed /stream-hold") == 2);
}
