#include "engine/schema/json_schema.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace engine;

namespace {

std::string refusal(const std::string& schema) {
    const auto compiled = JsonSchema::compile(schema);
    if (compiled) return "";
    CHECK(compiled.error().code == Errc::schema_unsupported);
    return compiled.error().detail;
}

bool compiles(const std::string& schema) {
    const std::string why = refusal(schema);
    INFO(schema << ": " << why);
    CHECK(why.empty());
    return why.empty();
}

std::string object(const std::string& properties, const std::string& more = "") {
    return R"({"type":"object","properties":{)" + properties + "}" + more + "}";
}

// `n` schemas around one, each as the only property.
std::string nested(size_t n) {
    std::string text = R"({"type":"string"})";
    for (size_t i = 0; i < n; ++i) text = object(R"("a":)" + text);
    return text;
}

}  // namespace

TEST_CASE("JSON schema: what is held compiles", "[engine]") {
    compiles(R"({"type":"object"})");
    compiles("true");
    compiles("{}");
    compiles(
        object(R"("a":{"type":["string","null"],"title":"t","description":"d","default":null})"));
    compiles(object(R"("a":{"enum":["x",1,null,true,1.5,[1],{"a":2}]},"b":{"const":"c"})"));
    compiles(object(R"("a":{"anyOf":[{"type":"string"},{"type":"array","items":{},"minItems":1}]})",
                    R"(,"required":["a"],"additionalProperties":false)"));
    compiles(R"({"$defs":{"n":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/n"},
             {"type":"null"}]}},"required":["next"],"additionalProperties":false}},"$ref":"#/$defs/n"})");
    compiles(object(R"("a":{"allOf":[{"$ref":"#/definitions/x~1y"}]})",
                    R"(,"definitions":{"x/y":{"type":"number"}})"));
    compiles(object(R"("self":{"type":"array","items":{"$ref":"#"}})"));
}

TEST_CASE("JSON schema: what is not held is named, with its place", "[engine]") {
    const std::pair<std::string, std::string> rows[] = {
        {object(R"("a":{"type":"string","pattern":"x"})"),
         "In context=('properties', 'a'), 'pattern' is not supported."},
        {object(R"("a":{"type":"string","format":"date"})"),
         "In context=('properties', 'a'), 'format' is not supported."},
        {R"({"type":"object","minProperties":1})",
         "In context=(), 'minProperties' is not supported."},
        {object(R"("a":{"anyOf":[{"type":"null"},{"type":"array","items":{"oneOf":[]}}]})"),
         "In context=('properties', 'a', 'anyOf', '1', 'items'), 'oneOf' is not supported."},
        {object(R"("a":{"$ref":"#/$defs/x"})", R"(,"$defs":{"x":{"not":{}}})"),
         "In context=('$defs', 'x'), 'not' is not supported."},
        {object(R"("a":{"$ref":"#/$defs/y"})", R"(,"$defs":{"x":{}})"),
         "In context=('properties', 'a'), '$ref' '#/$defs/y' is not supported: it must point into "
         "the schema."},
        {object(R"("a":{"$ref":"other.json"})"),
         "In context=('properties', 'a'), '$ref' 'other.json' is not supported: it must point into "
         "the schema."},
        {object(R"("a":{"$ref":"#","type":"object"})"),
         "In context=('properties', 'a'), 'type' is not supported beside '$ref'."},
        {R"({"anyOf":[{}],"properties":{}})",
         "In context=(), 'properties' is not supported beside 'anyOf'."},
        {R"({"allOf":[{},{}]})", "In context=(), 'allOf' of several schemas is not supported."},
        {R"({"anyOf":[]})", "In context=(), 'anyOf' must be an array of schemas."},
        {R"({"type":"text"})", "In context=(), 'type' names a type that JSON does not have."},
        {R"({"type":3})", "In context=(), 'type' must be a string or an array of strings."},
        {R"({"items":[{}]})", "In context=(), 'items' as a list is not supported."},
        {R"({"type":"array","minItems":-1})",
         "In context=(), 'minItems' must be a whole number that is not negative."},
        {R"({"enum":3})", "In context=(), 'enum' must be an array."},
        {R"({"enum":[1e999]})", "In context=(), a value is a number that JSON does not have."},
        {R"({"enum":[{}],"properties":{}})",
         "In context=(), 'properties' is not supported beside a list of values."},
        {object(R"("a":{})", R"(,"required":["b"],"additionalProperties":false)"),
         "In context=(), 'required' names 'b', which is none of the properties."},
        {object("", R"(,"required":"a")"),
         "In context=(), 'required' must be an array of strings."},
        {R"({"anyOf":[{"const":{}},{"type":"object"}]})",
         "In context=(), objects or arrays as listed values, beside others, are not supported."},
        {"3", "In context=(), a schema must be an object."},
    };
    for (const auto& [schema, detail] : rows) {
        CAPTURE(schema);
        CHECK(refusal(schema) == detail);
    }
    CHECK(refusal(object('"' + std::string(100, 'n') + R"(":{"pattern":""})"))
              .find("('properties', '" + std::string(64, 'n') + "...')") != std::string::npos);
}

TEST_CASE("JSON schema: one that no value fits is refused", "[engine]") {
    const std::string none = "In context=(), no value fits the schema within 64 levels.";
    CHECK(refusal("false") == none);
    CHECK(refusal(R"({"$ref":"#"})") == none);
    CHECK(refusal(R"({"anyOf":[{"$ref":"#"}]})") == none);
    CHECK(refusal(R"({"enum":[]})") == none);
    CHECK(refusal(R"({"type":"string","enum":[1]})") == none);
    CHECK(refusal(R"({"type":"array","minItems":2,"maxItems":1})") == none);
    CHECK(refusal(object(R"("a":{"$ref":"#"})", R"(,"required":["a"])")) == none);
    CHECK(refusal(object(R"("a":false)", R"(,"required":["a"])")) == none);
    compiles(object(R"("a":false)"));
    compiles(object(R"("a":{"$ref":"#"})"));
    compiles(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})");
}

TEST_CASE("JSON schema: limits of size, depth and number", "[engine]") {
    compiles(nested(64));
    CHECK(refusal(nested(65)).find("nested more than 64 levels deep") != std::string::npos);
    CHECK(refusal(R"({"description":")" + std::string(64 << 10, 'x') + "\"}") ==
          "In context=(), the schema is larger than 65536 bytes.");
    std::string many, values, branches;
    for (int i = 0; i < 5'001; ++i) many += (i ? ",\"" : "\"") + std::to_string(i) + "\":{}";
    for (int i = 0; i < 1'001; ++i) values += (i ? "," : "") + std::to_string(i);
    for (int i = 0; i < 33; ++i)
        branches += std::string(i ? "," : "") + R"({"enum":[)" + std::to_string(i) + "]}";
    CHECK(refusal(object(many)) == "In context=(), the schema has more than 5000 properties.");
    CHECK(refusal(R"({"enum":[)" + values + "]}") ==
          "In context=(), the schema lists more than 1000 values.");
    CHECK(refusal(object(R"("a":{"anyOf":[)" + branches + "]}")) ==
          "In context=('properties', 'a'), more than 32 forms of one value are not supported.");
    const auto not_json = JsonSchema::compile("{");
    REQUIRE_FALSE(not_json);
    CHECK(not_json.error().code == Errc::prompt_invalid);
    CHECK_FALSE(JsonSchema::compile(std::string(300, '[') + std::string(300, ']')));
}

TEST_CASE("JSON schema: hostile ones end, as errors or as tables of bounded size", "[engine]") {
    // A chain of references as long as fits.
    std::string chain = R"({"$ref":"#/$defs/a0","$defs":{)";
    for (int i = 0; i < 1'200; ++i) {
        chain +=
            "\"a" + std::to_string(i) + R"(":{"$ref":"#/$defs/a)" + std::to_string(i + 1) + "\"},";
    }
    compiles(chain + R"("a1200":{"type":"null"}}})");
    // Each level refers to the next twice.
    std::string doubled = R"({"$ref":"#/$defs/a0","$defs":{)";
    for (int i = 0; i < 60; ++i) {
        const std::string next = "#/$defs/a" + std::to_string(i + 1);
        doubled += "\"a" + std::to_string(i) + R"(":{"type":"object","properties":{"l":{"$ref":")" +
                   next + R"("},"r":{"$ref":")" + next + "\"}}},";
    }
    compiles(doubled + R"("a60":{"type":"null"}}})");
    // Objects that differ far inside only: their combinations would be too many.
    std::string mixed = R"({"$ref":"#/$defs/a0","$defs":{)";
    for (int i = 0; i < 20; ++i) {
        mixed += (i ? ",\"a" : "\"a") + std::to_string(i) + R"(":{"anyOf":[)";
        for (int k = 0; k < 6; ++k) {
            const int to = (i * 7 + k * 5 + 1) % 20;
            mixed += std::string(k ? "," : "") +
                     R"({"type":"object","properties":{"k":{"$ref":"#/$defs/a)" +
                     std::to_string(to) + R"("},"p)" + std::to_string(k * i) +
                     R"(":{"$ref":"#/$defs/a)" + std::to_string((to + k) % 20) + "\"}}}";
        }
        mixed += "]}";
    }
    CHECK_FALSE(refusal(mixed + "}}").empty());
}
