// Against nlohmann on random documents, and against hostile ones.
#include "gateway/api/json_document.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "gateway/api/json_fault.h"

using namespace gateway;
using nlohmann::json;

namespace {

using Random = std::mt19937;

size_t below(Random& random, size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
}

std::string random_string(Random& random) {
    static const char* const kPieces[] = {"a",
                                          "b",
                                          "\xC3\xA9",
                                          "\xF0\x9F\x98\x80",
                                          "\\n",
                                          "\\\"",
                                          "\\\\",
                                          "\\u00e9",
                                          "\\ud83d\\ude00",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          ":",
                                          " "};
    std::string out = "\"";
    for (size_t n = below(random, 6); n > 0; --n) out += kPieces[below(random, std::size(kPieces))];
    return out += '"';
}

std::string random_blank(Random& random) {
    static const char* const kBlanks[] = {"", "", "", " ", "\n\t", "\r "};
    return kBlanks[below(random, std::size(kBlanks))];
}

std::string random_value(Random& random, int depth) {
    static const char* const kScalars[] = {"0",    "-1",    "1.5",  "1e3",
                                           "true", "false", "null", "12345678901"};
    const size_t kind = below(random, depth > 3 ? 2 : 4);
    if (kind == 0) return kScalars[below(random, std::size(kScalars))];
    if (kind == 1) return random_string(random);
    std::string out(1, kind == 2 ? '[' : '{');
    const size_t n = below(random, 5);
    for (size_t i = 0; i < n; ++i) {
        if (i > 0) out += random_blank(random) + ",";
        out += random_blank(random);
        // The index keeps names apart.
        if (kind == 3)
            out += "\"" + std::to_string(i) + random_string(random).substr(1) +
                   random_blank(random) + ":";
        out += random_blank(random) + random_value(random, depth + 1);
    }
    return out + random_blank(random) + (kind == 2 ? "]" : "}");
}

// One byte changed, dropped or doubled.
std::string damaged(std::string text, Random& random) {
    static const char kBytes[] = "{}[]:,\"\\0-.eEtn \x01\xFF\xC3u";
    const size_t at = below(random, text.size());
    switch (below(random, 3)) {
        case 0:
            text[at] = kBytes[below(random, sizeof kBytes - 1)];
            break;
        case 1:
            text.erase(at, 1);
            break;
        default:
            text.insert(at, 1, text[at]);
    }
    return text;
}

// nlohmann's tree keeps the last of two equal names; count them while parsing.
bool has_duplicates(const std::string& text) {
    std::vector<std::vector<std::string>> open;
    bool twice = false;
    const auto seen = json::parse(
        text,
        [&](int, json::parse_event_t event, json& value) {
            if (event == json::parse_event_t::object_start) open.emplace_back();
            if (event == json::parse_event_t::object_end) open.pop_back();
            if (event != json::parse_event_t::key) return true;
            auto& names = open.back();
            const auto name = value.get<std::string>();
            twice |= std::find(names.begin(), names.end(), name) != names.end();
            names.push_back(name);
            return true;
        },
        false);
    return twice;
}

Fault parse(std::string& body, JsonDocument& document) {
    return document.parse(body, config::Limits());
}

}  // namespace

TEST_CASE("json document: accepts and refuses what nlohmann does, and spans are exact", "[api]") {
    Random random(20261125);
    JsonDocument document;
    int n_accepted = 0, n_refused = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string body =
            "{\"x\":" + random_value(random, 0) + ",\"y\":" + random_value(random, 0) + "}";
        if (round % 2 == 1) body = damaged(std::move(body), random);
        const std::string before = body;
        const bool valid =
            json::accept(body) && json::parse(body).is_object() && !has_duplicates(body);
        const Fault fault = parse(body, document);
        INFO(before);
        REQUIRE(body == before);
        if (fault) INFO(fault->message);
        REQUIRE(valid == !fault.has_value());
        if (json::accept(before) == find_json_fault(before, 1000).has_value())
            FAIL("the slow scanner disagrees");
        ++(valid ? n_accepted : n_refused);
        if (!valid) continue;
        const json whole = json::parse(before);
        const auto members = document.members(body);
        REQUIRE(members.size() == whole.size());
        for (const BodyMember& member : members) {
            const std::string value =
                body.substr(member.value_begin, member.value_end - member.value_begin);
            REQUIRE(json::parse(value) == whole.at(member.key));
            REQUIRE(json::parse("{" +
                                body.substr(member.key_begin, member.value_end - member.key_begin) +
                                "}")
                        .contains(member.key));
            REQUIRE(value.find_first_of(" \t\r\n") != 0);
            REQUIRE(value.find_last_of(" \t\r\n") != value.size() - 1);
        }
    }
    CHECK(n_accepted > 5'000);
    CHECK(n_refused > 5'000);
}

TEST_CASE("json document: every fault is told with the byte where it stands", "[api]") {
    const std::pair<const char*, size_t> rows[] = {
        {"", 0},
        {" ", 1},
        {"{", 1},
        {"{\"a\"1}", 4},
        {"{\"a\":tru}", 5},
        {"[1,]", 3},
        {"[01]", 2},
        {"[1.]", 3},
        {"[-]", 2},
        {"[1e]", 3},
        {"[\"\\x\"]", 3},
        {"[\"\n\"]", 2},
        {"[\"\\u12G4\"]", 6},
        {"[\"a\xC3\"]", 3},
        {"[1] 2", 4},
        {"[1e400]", 1},
        {"[18446744073709551616]", 1},
        {"[\"\\udc00\"]", 2},
        {"[\"abc", 5},
    };
    for (const auto& [text, at] : rows) {
        INFO(text);
        const auto fault = find_json_fault(text, 64);
        REQUIRE(fault);
        CHECK(fault->at == at);
        std::string body = text;
        JsonDocument document;
        const Fault refused = parse(body, document);
        REQUIRE(refused);
        CHECK(refused->status == 400);
        CHECK(refused->message.find("at byte " + std::to_string(at) + ":") != std::string::npos);
    }
}

TEST_CASE("json document: limits hold at the limit and one above", "[api]") {
    JsonDocument document;
    const auto nested = [](size_t n) {
        return "{\"a\":" + std::string(n - 1, '[') + std::string(n - 1, ']') + "}";
    };
    std::string at = nested(64), above = nested(65);
    CHECK_FALSE(parse(at, document));
    const Fault deep = parse(above, document);
    REQUIRE(deep);
    CHECK(deep->code == "json_too_deep");

    const auto wide = [](int n) {
        std::string out = "{";
        for (int i = 0; i < n; ++i) out += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
        return out + "}";
    };
    std::string many = wide(100'000), more = wide(100'001);
    CHECK_FALSE(parse(many, document));
    const Fault too_many = parse(more, document);
    REQUIRE(too_many);
    CHECK(too_many->code == "json_too_many_members");
}

TEST_CASE("json document: hostile bodies are refused", "[api]") {
    JsonDocument document;
    const auto code = [&](std::string body) {
        const Fault fault = parse(body, document);
        return fault ? fault->code.value_or("-") : "accepted";
    };
    CHECK(code("{\"a\":" + std::string(100'000, '[')) == "json_too_deep");
    std::string members = "{\"a\":0";
    for (int i = 0; i < 1'000'000; ++i) members += ",\"" + std::to_string(i) + "\":0";
    CHECK(code(members + "}") == "json_too_many_members");
    CHECK(code("{\"a\":[0" + std::string(2'000'000, ',') + "]}") == "json_too_many_members");
    CHECK(code("{\"a\":1" + std::string(400, '0') + "}") == "-");
    CHECK(code("{\"a\":\"" + std::string(20 << 20, 'x') + "\"}") == "json_string_too_long");
    CHECK(code("{\"a\":\"" + std::string(15 << 20, 'x') + "\"}") == "accepted");
    CHECK(code("{\"a\":\"" + std::string(2 << 20, '\\')) == "-");
}
