#include "gateway/server/framing.h"

#include <catch2/catch.hpp>

#include "gateway/server/chunked.h"
#include "gateway/server/request_head.h"
#include "tests/gateway/framing_vectors.h"

using namespace gateway;

namespace {

constexpr FramingLimits kLimits{
    .head_bytes_max = 64 << 10, .n_fields_max = 100, .target_bytes_max = 8 << 10};

// The status that the bytes are answered with, 0 if they are served. `step`: how many arrive at a
// time.
int judge(std::string_view bytes, size_t step) {
    HeadFinder finder;
    tl::expected<size_t, Refusal> n_head = 0;
    for (size_t n = std::min(step, bytes.size());; n = std::min(n + step, bytes.size())) {
        n_head = finder.find(bytes.substr(0, n), kLimits);
        if (!n_head) return n_head.error().status;
        if (*n_head > 0 || n == bytes.size()) break;
    }
    if (*n_head == 0) return -1;
    const auto head = read_request_head(bytes.substr(0, *n_head), kLimits);
    if (!head) return head.error().status;
    if (!head->framing.chunked) return 0;
    ChunkedDecoder decoder(1 << 20);
    std::string body;
    const auto end = decoder.feed(bytes.substr(*n_head), body).status;
    if (end == ChunkedDecoder::Status::bad) return 400;
    return end == ChunkedDecoder::Status::done ? 0 : -1;
}

int scan_status(std::string_view head, const FramingLimits& limits) {
    const auto framing = scan_head(head, limits);
    return framing ? 0 : framing.error().status;
}

std::string head_with(const std::string& fields, const std::string& version = "1.1") {
    return "GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("framing: every vector gets its answer, in one piece and byte by byte", "[server]") {
    for (const auto& vector : test::framing_vectors()) {
        INFO(vector.name);
        CHECK(judge(vector.bytes, vector.bytes.size()) == vector.status);
        CHECK(judge(vector.bytes, 1) == vector.status);
    }
}

TEST_CASE("framing: head bytes, fields and target at the limit and one beyond", "[server]") {
    const std::string head = "GET /abc HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    CHECK(scan_status(head, {head.size(), 2, 4}) == 0);
    CHECK(scan_status(head, {head.size() - 1, 2, 4}) == 431);
    CHECK(scan_status(head, {head.size(), 1, 4}) == 431);
    CHECK(scan_status(head, {head.size(), 2, 3}) == 414);
}

TEST_CASE("framing: what is too long is refused before its end has come", "[server]") {
    const FramingLimits limits{.head_bytes_max = 100, .n_fields_max = 9, .target_bytes_max = 20};
    const auto status = [&](const std::string& bytes) {
        HeadFinder finder;
        const auto found = finder.find(bytes, limits);
        return found ? static_cast<int>(*found) : -found.error().status;
    };
    CHECK(status("GET /" + std::string(19, 'x')) == 0);
    CHECK(status("GET /" + std::string(20, 'x')) == -414);
    CHECK(status(std::string(32, 'G')) == 0);
    CHECK(status(std::string(33, 'G')) == -400);
    const std::string begin = "GET / HTTP/1.1\r\nX: ";
    CHECK(status(begin + std::string(100 - begin.size(), 'x')) == 0);
    CHECK(status(begin + std::string(101 - begin.size(), 'x')) == -431);
}

TEST_CASE("framing: keep-alive follows version and Connection", "[server]") {
    const auto keeps = [](const std::string& head) {
        return scan_head(head, kLimits).value().keep_alive;
    };
    CHECK(keeps(head_with("")));
    CHECK_FALSE(keeps(head_with("Connection: close\r\n")));
    CHECK_FALSE(keeps(head_with("Connection: keep-alive, Close\r\n")));
    CHECK_FALSE(keeps(head_with("Connection: keep-alive\r\nConnection: close\r\n")));
    CHECK(keeps(head_with("Connection: upgrade , x\r\n")));
    CHECK_FALSE(keeps(head_with("", "1.0")));
    CHECK(keeps(head_with("Connection: Keep-Alive\r\n", "1.0")));
}

TEST_CASE("framing: length, chunks and expectation are told", "[server]") {
    const auto length =
        scan_head(head_with("Content-Length: 12\r\nExpect: 100-Continue\r\n"), kLimits);
    REQUIRE(length);
    CHECK(length->content_length == 12);
    CHECK(length->expects_continue);
    CHECK(length->has_body());
    CHECK_FALSE(scan_head(head_with("Content-Length: 0\r\n"), kLimits)->has_body());
    CHECK(scan_head(head_with("Transfer-Encoding: CHUNKED\r\n"), kLimits)->chunked);
    CHECK_FALSE(scan_head(head_with("Expect: 100-continue\r\n", "1.0"), kLimits)->expects_continue);
    const auto largest = scan_head(head_with("Content-Length: 999999999999999999\r\n"), kLimits);
    CHECK(largest->content_length == 999'999'999'999'999'999);
}

TEST_CASE("request head: a model's name keeps its slashes, escaped or not", "[server]") {
    for (const std::string target : {"/v1/models/org/m:1", "/v1/models/org%2Fm:1",
                                     "/v1/models/org%2fm%3A1", "/v1/models/org%2Fm:1/"}) {
        INFO(target);
        const auto head =
            read_request_head("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", kLimits);
        REQUIRE(head);
        CHECK(head->http.path == "/v1/models/org/m:1");
    }
}

TEST_CASE("request head: method, path, query and fields as the handler sees them", "[server]") {
    const auto head = read_request_head(
        "POST /v1/m%6Fdels/?a=%20b HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nAccept:  text/plain "
        "\r\nx-two: "
        "2\r\nContent-Length: 3\r\n\r\n",
        kLimits);
    REQUIRE(head);
    CHECK(head->http.method == "POST");
    CHECK(head->http.target == "/v1/m%6Fdels/?a=%20b");
    CHECK(head->http.path == "/v1/models");
    CHECK(head->http.query == "a=%20b");
    CHECK(head->http.has_body);
    CHECK(head->http.content_length == 3);
    const HttpFields expected{{"host", "a"},
                              {"x-two", "1"},
                              {"accept", "text/plain"},
                              {"x-two", "2"},
                              {"content-length", "3"}};
    CHECK(head->http.fields == expected);
    CHECK(head->http.field("accept") == "text/plain");
    CHECK(head->http.field("absent").empty());
}
