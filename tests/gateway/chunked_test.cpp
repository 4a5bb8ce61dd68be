#include "gateway/server/chunked.h"

#include <catch2/catch.hpp>

using gateway::ChunkedDecoder;
using Status = ChunkedDecoder::Status;

namespace {

struct Decoded {
    Status status;
    std::string body;
    size_t n_taken;
};

Decoded decode(std::string_view in, size_t step, int64_t body_bytes_max = 1'000) {
    ChunkedDecoder decoder(body_bytes_max);
    Decoded decoded{Status::need_more, {}, 0};
    while (decoded.status == Status::need_more && decoded.n_taken < in.size()) {
        const auto taken = decoder.feed(in.substr(decoded.n_taken, step), decoded.body);
        decoded.n_taken += taken.n_taken;
        decoded.status = taken.status;
    }
    return decoded;
}

}  // namespace

TEST_CASE("chunked: data comes out whole however it is cut, and no byte beyond is taken",
          "[server]") {
    const std::string in = "5\r\nhello\r\n1;x=y\r\n \r\n0005\r\nworld\r\n0\r\nt: u\r\n\r\n";
    for (size_t step = 1; step <= in.size() + 5; ++step) {
        const Decoded decoded = decode(in + "GET /", step);
        CHECK(decoded.status == Status::done);
        CHECK(decoded.body == "hello world");
        CHECK(decoded.n_taken == in.size());
    }
}

TEST_CASE("chunked: the body limit counts all chunks and is exact", "[server]") {
    const std::string in = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    CHECK(decode(in, 100, 11).status == Status::done);
    const Decoded above = decode(in, 100, 10);
    CHECK(above.status == Status::too_large);
    CHECK(above.n_taken == std::string("5\r\nhello\r\n6\r").size());
    CHECK(decode("fffffffffffffff\r\n", 100).status == Status::too_large);
    CHECK(decode("ffffffffffffffff\r\n", 100).status == Status::bad);
}

TEST_CASE("chunked: extensions and trailers are bounded over the whole body", "[server]") {
    const auto extended = [](size_t n) { return "1;" + std::string(n, 'x') + "\r\na\r\n"; };
    constexpr size_t kHalf = ChunkedDecoder::kExtensionBytesMax / 2;
    CHECK(decode(extended(kHalf) + extended(kHalf) + "0\r\n\r\n", 10'000).status == Status::done);
    CHECK(decode(extended(kHalf) + extended(kHalf + 1) + "0\r\n\r\n", 10'000).status ==
          Status::bad);
    const auto trailed = [](size_t n) { return "0\r\n" + std::string(n, 'x') + "\r\n\r\n"; };
    CHECK(decode(trailed(ChunkedDecoder::kTrailerBytesMax), 20'000).status == Status::done);
    CHECK(decode(trailed(ChunkedDecoder::kTrailerBytesMax + 1), 20'000).status == Status::bad);
}
