#include "gateway/upstream/body_edit.h"

#include <catch2/catch.hpp>

#include "gateway/upstream/object_scan.h"

using gateway::BodyEdit;
using gateway::edit_object;

TEST_CASE("body edit: what is not edited keeps its bytes", "[body]") {
    const std::string body =
        R"( {"model" : "a","messages":[ {"content":"\u00e9 } ] \" x"} ], "n":1.50e2 , "z" : null } )";
    const std::vector<BodyEdit> edits{{"model", "\"b\""}, {"z", std::nullopt}, {"new", "[1]"}};
    REQUIRE(edit_object(body, edits) ==
            R"({"model" : "b","messages":[ {"content":"\u00e9 } ] \" x"} ],"n":1.50e2,"new":[1]})");
}

TEST_CASE("body edit: an escaped key is the same key", "[body]") {
    const std::vector<BodyEdit> edits{{"model", "1"}};
    REQUIRE(edit_object(R"({"mod\u0065l":"a"})", edits) == R"({"mod\u0065l":1})");
}

TEST_CASE("body edit: empty objects and the last member gone", "[body]") {
    const std::vector<BodyEdit> drop{{"a", std::nullopt}};
    REQUIRE(edit_object("{}", drop) == "{}");
    REQUIRE(edit_object(R"({"a":{"b":[1,2,{}]}})", drop) == "{}");
    const std::vector<BodyEdit> add{{"a", "{}"}};
    REQUIRE(edit_object("{ }", add) == R"({"a":{}})");
}

TEST_CASE("object scan: broken text gives spans inside it", "[body]") {
    for (const std::string text : {"", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[",
                                   "{\"a\":\"\\", "[", "[1", "[1,", "]"}) {
        for (const auto& member : gateway::object_members(text)) {
            REQUIRE(member.key_begin <= member.value_begin);
            REQUIRE(member.value_begin <= member.value_end);
            REQUIRE(member.value_end <= text.size());
        }
        gateway::array_elements(text);
    }
}

TEST_CASE("json_string: quotes, backslashes and control bytes are escaped", "[body]") {
    REQUIRE(gateway::json_string("a\"\\\n\x01 ü") == "\"a\\\"\\\\\\u000a\\u0001 ü\"");
}
