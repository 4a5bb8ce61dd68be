#include "engine/chat/json_cursor.h"

#include <catch2/catch.hpp>
#include <random>

using namespace engine;

namespace {

// As Python would print it; "-" for what is no JSON.
std::string printed(std::string_view text) {
    JsonCursor json(text);
    std::string out;
    return json.print(out) && json.done() ? out : "-";
}

}  // namespace

TEST_CASE("json cursor: prints as Python does", "[engine]") {
    CHECK(printed(R"( {"b":1,"a":[ ],"c":{}} )") == R"({"b": 1, "a": [], "c": {}})");
    CHECK(printed("[true,false,null]") == "[true, false, null]");
    CHECK(printed("2.30") == "2.3");
    CHECK(printed("40.0") == "40.0");
    CHECK(printed("3e4") == "30000.0");
    CHECK(printed("7e17") == "7e+17");
    CHECK(printed("2.5E-9") == "2.5e-09");
    CHECK(printed("1e16") == "1e+16");
    CHECK(printed("9999999999999998.0") == "9999999999999998.0");
    CHECK(printed("0.0001") == "0.0001");
    CHECK(printed("0.00001") == "1e-05");
    CHECK(printed("-0.0") == "-0.0");
    CHECK(printed("-0") == "0");
    CHECK(printed("123.456e-2") == "1.23456");
    CHECK(printed("1e999") == "Infinity");
    CHECK(printed("-1e999") == "-Infinity");
    CHECK(printed("1e-999") == "0.0");
    CHECK(printed("0.000e999999999999999999") == "0.0");
    CHECK(printed("NaN") == "NaN");
    CHECK(printed("123456789012345678901234567890") == "123456789012345678901234567890");
    CHECK(printed(R"("\u00e9\/\u001f\b\f\n\r\t\"\\")") == "\"é/\\u001f\\b\\f\\n\\r\\t\\\"\\\\\"");
    CHECK(printed(R"("\ud83d\ude00 \ud83d")") == "\"😀 \uFFFD\"");
    CHECK(printed("\"\x7f\u2028\"") == "\"\x7f\u2028\"");
}

TEST_CASE("json cursor: of a key said twice the last value counts, at the first place",
          "[engine]") {
    CHECK(printed(R"({"a":1,"b":2,"a":3})") == R"({"a": 3, "b": 2})");
    CHECK(printed(R"({"a":{"x":1,"x":2},"\u0061":[]})") == R"({"a": []})");
}

TEST_CASE("json cursor: refuses what Python refuses", "[engine]") {
    for (const char* text :
         {"",    " ",     "{",         "[1,]",   "{\"a\":1,}", "01",          "1.",  "1e",  "+1",
          ".5",  "'a'",   "\"a",       "\"\n\"", "\"\\x\"",    "\"\\u12g4\"", "nul", "tru", "-",
          "--1", "{1:2}", "{\"a\" 1}", "1 2",    "[1 2]",      "Inf",         "]"}) {
        CAPTURE(text);
        CHECK(printed(text) == "-");
    }
    CHECK(printed(std::string(JsonCursor::kDepthMax, '[') +
                  std::string(JsonCursor::kDepthMax, ']')) != "-");
    CHECK(printed(std::string(100'000, '[')) == "-");
}

TEST_CASE("json cursor: what was printed prints the same again, whatever came in", "[engine]") {
    std::mt19937 random(3);
    constexpr std::string_view kParts[] = {"{",  "}",     "[",   "]",      ",",    ":",    "\"a\"",
                                           "\"", "\\u00", "1.5", "-2e308", "null", "true", " "};
    int n_whole = 0;
    for (int i = 0; i < 100'000; ++i) {
        std::string text;
        for (size_t n = random() % 8; n > 0; --n) text += kParts[random() % std::size(kParts)];
        const std::string once = printed(text);
        if (once == "-") continue;
        ++n_whole;
        CHECK(printed(once) == once);
    }
    CHECK(n_whole > 1000);
}
