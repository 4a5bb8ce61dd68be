#include "config/yaml_tree.h"

#include <catch2/catch.hpp>

#include "config/refusals.h"
#include "config/yaml_text.h"

using namespace config;

namespace {

std::string said(std::string_view text) {
    Refusals refusals("f");
    parse_yaml(text, refusals);
    std::string all;
    for (const Refusal& refusal : refusals.take()) all += to_string(refusal) + "\n";
    return all;
}

}  // namespace

TEST_CASE("parse_yaml: nodes keep their text, quotes and place", "[config]") {
    Refusals refusals("f");
    const auto root = parse_yaml("a: 010\n\nb:\n  - \"yes\"\n  - {c: }\n", refusals);
    REQUIRE(root.has_value());
    CHECK(refusals.empty());
    REQUIRE(root->members.size() == 2);
    CHECK(root->members[0].value.text == "010");
    CHECK_FALSE(root->members[0].value.quoted);
    CHECK(root->members[0].value.at.line == 1);
    CHECK(root->members[0].value.at.column == 4);
    const Node& list = root->members[1].value;
    REQUIRE(list.items.size() == 2);
    CHECK(list.items[0].quoted);
    CHECK(list.items[0].at.line == 4);
    CHECK(list.items[0].at.column == 5);
    CHECK(find(list.items[1], "c")->value.kind == Node::Kind::null);
}

TEST_CASE("parse_yaml: size, depth and number of values are limited", "[config]") {
    CHECK_THAT(said(std::string(kFileBytesMax + 1, ' ')), Catch::Contains("larger than 1 MiB"));
    CHECK_THAT(said("a: " + std::string(1'001, '[')), Catch::Contains("more than 1000 open"));
    CHECK_THAT(said("a: " + std::string(1'000, '[') + std::string(1'000, ']')),
               Catch::Contains("nested too deeply"));
    CHECK_FALSE(said("a: " + std::string(1'000, '[')).empty());
    CHECK_FALSE(said("a: " + std::string(1'000, '{')).empty());
    std::string nested;
    for (int i = 0; i < 1'000; ++i) nested += std::string(static_cast<size_t>(i), ' ') + "a:\n";
    CHECK_THAT(said(nested), Catch::Contains("nested too deeply"));
    std::string many = "a: [";
    for (int i = 0; i < kNodesMax; ++i) many += "1,";
    CHECK_THAT(said(many + "]"), Catch::Contains("more than 100000 values"));
}

TEST_CASE("parse_yaml: an alias bomb and a cycle are refused at their first mark", "[config]") {
    CHECK_THAT(said("a: &a [x]\nb: &b [*a,*a]\n"), Catch::Contains("f:1:4: a: anchors"));
    CHECK_THAT(said("x: &x [*x]\n"), Catch::Contains("f:1:4: x: anchors"));
    CHECK_THAT(said("x: *y\n"), Catch::Contains("f:1:4: x: aliases"));
}

TEST_CASE("parse_yaml: duplicates are found below lists and in quotes", "[config]") {
    CHECK_THAT(said("a:\n  - {b: 1, \"b\": 2}\n"), Catch::Contains("f:2:12: a.b: duplicate key"));
    CHECK(said("a: {b: 1}\nc: {b: 1}\n").empty());
}

TEST_CASE("parse_yaml: a document end and comments are no second document", "[config]") {
    CHECK(said("---\na: 1\n...\n# done\n").empty());
    CHECK_THAT(said("a: 1\n---\n"), Catch::Contains("a second document"));
    CHECK_THAT(said("a: 1\n...\nb: 1\n"), Catch::Contains("a second document"));
}

TEST_CASE("parse_yaml: lines may end as Windows ends them", "[config]") {
    CHECK(said("a: 1\r\nb: 2\r\n").empty());
    CHECK_THAT(said("a: 1\rb: 2\n"), Catch::Contains("control character 0x0d"));
}

TEST_CASE("utf8_length: shortest forms of scalar values only", "[config]") {
    CHECK(utf8_length("a") == 1);
    CHECK(utf8_length("\xC3\xA9") == 2);
    CHECK(utf8_length("\xE2\x82\xAC") == 3);
    CHECK(utf8_length("\xF0\x9F\x98\x80") == 4);
    for (const char* bad :
         {"", "\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xED\xA0\x80",
          "\xE2\x82", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
        CHECK(utf8_length(bad) == 0);
    }
}
