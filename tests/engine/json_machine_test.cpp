#include "engine/schema/json_machine.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

using namespace engine;

namespace {

bool accepts(std::string_view text, uint8_t kinds = json_kinds::any) {
    JsonMachine machine(kinds);
    for (const char byte : text) {
        if (!machine.push(static_cast<uint8_t>(byte))) return false;
    }
    return machine.complete();
}

std::string value(std::mt19937& random, int n_deep) {
    const char* const kPlain[] = {"0",        "-1",    "12.5",           "1e3",
                                  "-0.25E-2", "true",  "null",           "false",
                                  "\"\"",     "\"a\"", "\"\\u00e9\\n\"", "\"\\ud83d\\ude00\""};
    if (n_deep == 0 || random() % 3 == 0) return kPlain[random() % std::size(kPlain)];
    const bool is_object = random() % 2;
    const char* const kBlank[] = {"", "", " ", "\n  "};
    const auto blank = [&] { return std::string(kBlank[random() % 4]); };
    std::string text = is_object ? "{" : "[";
    for (size_t i = random() % 4; i > 0; --i) {
        text += blank();
        if (is_object) text += "\"k" + std::to_string(i) + "\"" + blank() + ":" + blank();
        text += value(random, n_deep - 1) + blank();
        if (i > 1) text += ",";
    }
    return text + (is_object ? "}" : "]");
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Three digits behind an e: the machine takes two.
bool has_long_exponent(const std::string& text) {
    for (size_t i = 1; i < text.size(); ++i) {
        const bool begins = (text[i] == 'e' || text[i] == 'E') && is_digit(text[i - 1]);
        if (!begins) continue;
        size_t at = i + 1;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        const std::string digits = text.substr(std::min(at, text.size()), 3);
        if (digits.size() == 3 && std::all_of(digits.begin(), digits.end(), is_digit)) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("JSON machine: accepts what a parser accepts", "[engine]") {
    std::mt19937 random(7);
    int n_accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = value(random, 4);
        if (round % 4 != 0) {
            constexpr std::string_view kBytes = "{}[],:\"\\0123456789.eE+-truefalsn ud8Dc/\n";
            const size_t at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text.erase(at, 1);
                    break;
                case 1:
                    text.insert(at, 1, kBytes[random() % kBytes.size()]);
                    break;
                default:
                    text[at] = kBytes[random() % kBytes.size()];
            }
        }
        if (has_long_exponent(text)) continue;
        // Blanks around the value are none of its own.
        const bool has_margin =
            text.empty() || std::isspace(text.front()) || std::isspace(text.back());
        CAPTURE(text);
        const bool accepted = accepts(text);
        CHECK(accepted == (!has_margin && nlohmann::json::accept(text)));
        n_accepted += accepted;
    }
    CHECK(n_accepted > 6'000);
}

TEST_CASE("JSON machine: the outermost value is of the kinds asked for", "[engine]") {
    using namespace json_kinds;
    CHECK(accepts("12", integer));
    CHECK_FALSE(accepts("12.0", integer));
    CHECK_FALSE(accepts("1e2", integer));
    CHECK(accepts("12.0", number));
    CHECK(accepts("12", number));
    CHECK_FALSE(accepts("\"12\"", number | integer));
    CHECK(accepts("[1.5, \"a\", {}]", array));
    CHECK_FALSE(accepts("{}", array));
    CHECK(accepts("null", null | array));
    CHECK_FALSE(accepts("true", null | array));
}

TEST_CASE("JSON machine: numbers are such as a double holds", "[engine]") {
    CHECK(accepts("1e99"));
    CHECK(accepts("-1.5E-07"));
    CHECK_FALSE(accepts("1e100"));
    CHECK(accepts(std::string(200, '7')));
    CHECK_FALSE(accepts(std::string(201, '7')));
    CHECK_FALSE(accepts("0." + std::string(200, '7')));
    CHECK(accepts("[" + std::string(150, '7') + "," + std::string(150, '7') + "e9]"));
}

TEST_CASE("JSON machine: depth and blanks are bounded, half surrogates refused", "[engine]") {
    CHECK(accepts(std::string(64, '[') + std::string(64, ']')));
    CHECK_FALSE(accepts(std::string(65, '[') + std::string(65, ']')));
    CHECK(accepts("[" + std::string(64, ' ') + "1]"));
    CHECK_FALSE(accepts("[" + std::string(65, ' ') + "1]"));
    CHECK_FALSE(accepts(R"("\ud83d")"));
    CHECK_FALSE(accepts(R"("\ude00")"));
    CHECK_FALSE(accepts(R"("\ud83dx")"));
    CHECK(accepts(R"("\ud7ff\ue000\udbff\udfff")"));
}
