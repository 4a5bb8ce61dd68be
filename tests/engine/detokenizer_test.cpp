#include <catch2/catch.hpp>
#include <random>

#include "engine/tokenizer/utf8.h"

using namespace engine;

namespace {

// What comes out when `bytes` arrive cut at the places of `cuts`.
std::string streamed(const std::string& bytes, const std::vector<size_t>& cuts) {
    Utf8Stream stream;
    std::string out;
    size_t done = 0;
    for (const size_t cut : cuts) {
        stream.push(std::string_view(bytes).substr(done, cut - done), out);
        CHECK(is_utf8(out));
        done = cut;
    }
    stream.push(std::string_view(bytes).substr(done), out);
    stream.finish(out);
    return out;
}

const std::string kReplaced = "\uFFFD";

}  // namespace

TEST_CASE("utf8 stream: characters survive every cut", "[engine]") {
    const std::string text = "aé河😀\u0301z\U0010FFFD";
    for (size_t i = 0; i <= text.size(); ++i) {
        for (size_t j = i; j <= text.size(); ++j) CHECK(streamed(text, {i, j}) == text);
    }
}

TEST_CASE("utf8 stream: nothing of a character before its last byte", "[engine]") {
    Utf8Stream stream;
    std::string out;
    for (const char byte : {'\xF0', '\x9F', '\x98'}) {
        stream.push({&byte, 1}, out);
        CHECK(out.empty());
    }
    stream.push("\x80", out);
    CHECK(out == "😀");
}

TEST_CASE("utf8 stream: one U+FFFD for each maximal ill-formed part, at once", "[engine]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"\x80", kReplaced},
        {"\xC0\xAF", kReplaced + kReplaced},                  // overlong
        {"\xE0\x9F\xBF", kReplaced + kReplaced + kReplaced},  // overlong
        {"\xED\xA0\x80", kReplaced + kReplaced + kReplaced},  // surrogate
        {"\xF4\x90\x80\x80", kReplaced + kReplaced + kReplaced + kReplaced},
        {"\xF5", kReplaced},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
         "A",
         kReplaced + kReplaced + kReplaced + kReplaced + "A"},
        {"a\xF0\x9F\x98z", "a" + kReplaced + "z"},
    };
    for (const auto& [bytes, expected] : cases) {
        Utf8Stream stream;
        std::string out;
        stream.push(bytes, out);
        CHECK(out == expected);
        for (size_t cut = 0; cut <= bytes.size(); ++cut) CHECK(streamed(bytes, {cut}) == expected);
    }
}

TEST_CASE("utf8 stream: a rest at the end becomes one U+FFFD", "[engine]") {
    CHECK(streamed("a\xE6\xB2", {}) == "a" + kReplaced);
    CHECK(streamed("a\xE6\xB2", {2}) == "a" + kReplaced);
    CHECK(streamed("a", {}) == "a");
}

TEST_CASE("utf8 stream: any bytes in any cuts give one well-formed text", "[engine]") {
    std::mt19937 random(3);
    for (int round = 0; round < 2000; ++round) {
        std::string bytes;
        const size_t n = random() % 12;
        for (size_t i = 0; i < n; ++i) {
            constexpr unsigned char interesting[] = {0x41, 0x80, 0xBF, 0xC3,
                                                     0xE0, 0xED, 0xF0, 0xF4};
            bytes += static_cast<char>(random() % 2 ? interesting[random() % 8] : random() % 256);
        }
        std::vector<size_t> cuts;
        for (size_t i = 0; i < n; ++i) {
            if (random() % 2) cuts.push_back(i);
        }
        const std::string whole = streamed(bytes, {});
        CHECK(is_utf8(whole));
        CHECK(streamed(bytes, cuts) == whole);
        CHECK(repair_utf8(bytes) == whole);
        if (is_utf8(bytes)) CHECK(whole == bytes);
    }
}
