#include "gateway/server/content_coding.h"

#include <catch2/catch.hpp>
#include <random>

using namespace gateway;

namespace {

// "Hello" as `printf Hello | gzip -n` makes it.
const std::string kGzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xf3\x48\xcd\xc9\xc9\x07\x00\x82\x89\xd1\xf7\x05\x00"
    "\x00\x00",
    25);

std::string random_text(std::mt19937& random, size_t n) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += static_cast<char>(random() % 7 == 0 ? random() : 'a');
    return text;
}

}  // namespace

TEST_CASE("content coding: what is deflated in pieces comes out as it was", "[server]") {
    std::mt19937 random(7);
    for (const size_t n : {0u, 1u, 100u, 70'000u, 3'000'000u}) {
        const std::string text = random_text(random, n);
        Deflater deflater;
        for (size_t at = 0; at < n;) {
            const size_t step = std::min<size_t>(1 + random() % 50'000, n - at);
            deflater.add(std::string_view(text).substr(at, step));
            at += step;
        }
        const std::string body = deflater.finish();
        CHECK(body.size() <= n / 2 + 1'000);
        CHECK(inflate(body, n) == text);
        if (n > 0) CHECK(inflate(body, n - 1).error() == InflateError::too_large);
    }
}

TEST_CASE("content coding: gzip, and what is none", "[server]") {
    CHECK(inflate(kGzip, 5) == "Hello");
    CHECK(inflate(kGzip, 4).error() == InflateError::too_large);
    for (size_t n = 0; n < kGzip.size(); ++n)
        CHECK(inflate(kGzip.substr(0, n), 100).error() == InflateError::malformed);
    CHECK(inflate(kGzip + "x", 100).error() == InflateError::malformed);
    CHECK(inflate("{\"model\":1}", 100).error() == InflateError::malformed);
    std::string damaged = kGzip;
    damaged[18] ^= 1;  // its checksum
    CHECK(inflate(damaged, 100).error() == InflateError::malformed);
}

TEST_CASE("content coding: a bomb takes no more than its bound", "[server]") {
    Deflater deflater;
    const std::string zeros(1 << 20, '\0');
    for (int i = 0; i < 256; ++i) deflater.add(zeros);
    const std::string bomb = deflater.finish();
    CHECK(bomb.size() < 4 << 20);
    CHECK(inflate(bomb, 1 << 20).error() == InflateError::too_large);
}
