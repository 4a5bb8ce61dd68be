#include "engine/schema/schema_machine.h"

#include <catch2/catch.hpp>
#include <functional>

#include "engine/tokenizer/utf8.h"
#include "tests/engine/random_schema.h"

using namespace engine;

namespace {

std::shared_ptr<const JsonSchema> compiled(const std::string& schema) {
    auto made = JsonSchema::compile(schema);
    INFO(schema);
    if (!made) FAIL(made.error().detail);
    return *made;
}

bool accepts(const std::string& schema, std::string_view text) {
    const auto made = compiled(schema);
    SchemaMachine machine(*made);
    for (const char byte : text) {
        if (!machine.push(static_cast<uint8_t>(byte))) return false;
    }
    return machine.complete();
}

// Bytes that may come next.
std::string next(const SchemaMachine& machine) {
    std::string out;
    for (int byte = 0; byte < 256; ++byte) {
        SchemaMachine ahead = machine;
        if (ahead.push(static_cast<uint8_t>(byte))) out += static_cast<char>(byte);
    }
    return out;
}

constexpr const char* kPerson =
    R"({"type":"object","additionalProperties":false,"required":["name","age"],
    "properties":{"name":{"type":"string"},"age":{"type":"integer"},"mood":{"enum":["glad","grim","\"so\""]}}})";

}  // namespace

TEST_CASE("schema machine: an object has its properties, in their order", "[engine]") {
    CHECK(accepts(kPerson, R"({"name":"A","age":3})"));
    CHECK(accepts(kPerson, "{ \"name\" :\n\t\"\\u00e9\\n\", \"age\": -12 , \"mood\":\"grim\"}"));
    CHECK(accepts(kPerson, R"({"name":"A","age":0,"mood":"\"so\""})"));
    for (const char* wrong :
         {R"({"age":3,"name":"A"})", R"({"name":"A"})", R"({"name":"A","age":3.5})",
          R"({"name":"A","age":3,"mood":"sad"})", R"({"name":"A","age":3,"more":1})",
          R"({"name":"A","age":3,"age":3})", R"({"name":1,"age":3})",
          R"({"nam\u0065":"A","age":3})", R"({"name":"A","age":03})", R"({"name":"A","age":3,})",
          " {}", "[]", "null"}) {
        CAPTURE(wrong);
        CHECK_FALSE(accepts(kPerson, wrong));
    }
}

TEST_CASE("schema machine: what leaves no choice is told byte by byte", "[engine]") {
    const auto schema = compiled(kPerson);
    SchemaMachine machine(*schema);
    const auto push = [&](std::string_view text) {
        for (const char byte : text) REQUIRE(machine.push(static_cast<uint8_t>(byte)));
    };
    CHECK(next(machine) == "{");
    push("{");
    CHECK(next(machine) == "\t\n\r \"");
    push("\"");
    CHECK(next(machine) == "n");
    push("name");
    CHECK(next(machine) == "\"");
    push("\":\"\",\"age\":-");
    CHECK(next(machine) == "0123456789");
    push("0");
    CHECK(next(machine) == "\t\n\r ,}");
    push(",\"mood\":\"g");
    CHECK(next(machine) == "lr");
    push("lad\"");
    CHECK(next(machine) == "\t\n\r }");
    push("}");
    CHECK(next(machine).empty());
    CHECK(machine.complete());
}

TEST_CASE("schema machine: blanks and depth are bounded, and the end stays in reach", "[engine]") {
    const std::string list = R"({"type":"array","items":{"$ref":"#"}})";
    CHECK(accepts(list, std::string(64, '[') + std::string(64, ']')));
    CHECK_FALSE(accepts(list, std::string(65, '[') + std::string(65, ']')));
    CHECK(accepts("{}", "[" + std::string(64, ' ') + "1]"));
    CHECK_FALSE(accepts("{}", "[" + std::string(65, ' ') + "1]"));
    // At the 64th level only what ends there may begin.
    const std::string chain =
        R"({"type":"object","required":["n"],"properties":{"n":{"anyOf":[{"$ref":"#"},{"type":"null"}]}}})";
    std::string text;
    for (int i = 0; i < 64; ++i) text += "{\"n\":";
    CHECK(accepts(chain, text + "null" + std::string(64, '}')));
    CHECK_FALSE(accepts(chain, text + "{\"n\":null}" + std::string(64, '}')));
}

TEST_CASE("schema machine: branches are told apart by what is inside", "[engine]") {
    const std::string pets = R"({"anyOf":[
        {"type":"object","additionalProperties":false,"required":["kind","lives"],
         "properties":{"kind":{"const":"cat"},"lives":{"type":"integer"}}},
        {"type":"object","additionalProperties":false,"required":["kind","tricks"],
         "properties":{"kind":{"enum":["dog","cattle dog"]},"tricks":{"type":"array","items":{"type":"string"}}}},
        {"type":"null"}]})";
    CHECK(accepts(pets, R"({"kind":"cat","lives":9})"));
    CHECK(accepts(pets, R"({"kind":"cattle dog","tricks":["sit"]})"));
    CHECK(accepts(pets, "null"));
    CHECK_FALSE(accepts(pets, R"({"kind":"dog","lives":9})"));
    CHECK_FALSE(accepts(pets, R"({"kind":"cat","tricks":[]})"));
    // Only at the number does it show which one it is.
    const std::string pair = R"({"anyOf":[
        {"type":"object","required":["x","a"],"properties":{"x":{"type":"object","required":["v"],
         "properties":{"v":{"type":"integer"}}},"a":{"const":1}}},
        {"type":"object","required":["x","b"],"properties":{"x":{"type":"object","required":["v"],
         "properties":{"v":{"type":["number","string"]}}},"b":{"const":2}}}]})";
    CHECK(accepts(pair, R"({"x":{"v":12},"a":1})"));
    CHECK(accepts(pair, R"({"x":{"v":12},"b":2})"));
    CHECK(accepts(pair, R"({"x":{"v":12.5},"b":2})"));
    CHECK_FALSE(accepts(pair, R"({"x":{"v":12.5},"a":1})"));
    CHECK_FALSE(accepts(pair, R"({"x":{"v":"s"},"a":1})"));
}

TEST_CASE("schema machine: listed values beside free ones", "[engine]") {
    const std::string some =
        R"({"type":"array","items":{"anyOf":[{"enum":["a",1,10,-0.5]},{"type":"integer"}]}})";
    CHECK(accepts(some, R"(["a",1,10,-0.5,7,100])"));
    CHECK_FALSE(accepts(some, "[0.5]"));
    CHECK_FALSE(accepts(some, R"(["b"])"));
    CHECK(accepts(R"({"enum":[1,10]})", "1"));
    CHECK(accepts(R"({"enum":[1,10]})", "10"));
    CHECK_FALSE(accepts(R"({"enum":[1,10]})", "100"));
    CHECK(accepts(R"({"enum":[{"a":[1,"b"]},[]]})", R"({"a": [1, "b"]})"));
    CHECK(accepts(R"({"type":"string","enum":["a",1]})", R"("a")"));
    CHECK_FALSE(accepts(R"({"type":"string","enum":["a",1]})", "1"));
}

TEST_CASE("schema machine: keys of other names come behind those that must", "[engine]") {
    const std::string open =
        R"({"type":"object","properties":{"a":{"type":"null"},"ab":{"type":"null"},"z":{"type":"null"}},
            "required":["a"],"additionalProperties":{"type":"integer"}})";
    CHECK(accepts(open, R"({"a":null})"));
    CHECK(accepts(open, R"({"a":null,"abc":1,"é":2})"));
    CHECK(accepts(open, R"({"a":null,"z":null,"":3})"));
    CHECK_FALSE(accepts(open, R"({"abc":1,"a":null})"));
    CHECK_FALSE(accepts(open, R"({"a":null,"abc":null})"));
    CHECK_FALSE(accepts(open, R"({"a":null,"z":null,"ab":null})"));  // out of order
    CHECK_FALSE(accepts(open, R"({"a":null,"a":1})"));
    CHECK_FALSE(accepts(open, R"({"a":null,"\u0061":1})"));
    CHECK(accepts(R"({"type":"object"})", R"({"\u0061\"":[{}, {"b":1e5}]})"));
    CHECK(accepts(R"({"type":"object","required":["x"]})", R"({"x":[], "y":1})"));
    CHECK_FALSE(accepts(R"({"type":"object","required":["x"]})", R"({"y":1})"));
}

TEST_CASE("schema machine: numbers of items", "[engine]") {
    const std::string some =
        R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})";
    CHECK(accepts(some, "[1,2]"));
    CHECK(accepts(some, "[1, 2, 3]"));
    CHECK_FALSE(accepts(some, "[1]"));
    CHECK_FALSE(accepts(some, "[]"));
    CHECK_FALSE(accepts(some, "[1,2,3,4]"));
    CHECK(accepts(R"({"type":"array","items":false})", "[ ]"));
    CHECK_FALSE(accepts(R"({"type":"array","items":false})", "[1]"));
    CHECK(accepts(R"({"type":"array","maxItems":0})", "[]"));
}

TEST_CASE("schema machine: any walk can end, and what ends validates", "[engine]") {
    std::mt19937 random(31);
    int n_values = 0;
    for (int round = 0; round < 3'000; ++round) {
        const OrderedJson schema = RandomSchema(random).make();
        CAPTURE(schema.dump());
        const auto made = JsonSchema::compile(schema.dump());
        if (!made) {
            const bool known = made.error().detail.find("no value fits") != std::string::npos ||
                               made.error().detail.find("many forms") != std::string::npos;
            CHECK(known);
            continue;
        }
        const SchemaValidator validator(schema);
        SchemaMachine machine(**made);
        std::string text;
        // Any byte for a while, then those that bring the end near.
        for (int n = 0; n < 4'000; ++n) {
            const std::string bytes = next(machine);
            if (machine.complete() && (bytes.empty() || random() % 4 == 0)) break;
            REQUIRE_FALSE(bytes.empty());
            char byte = bytes[random() % bytes.size()];
            const auto is_there = [&](char wanted) {
                return bytes.find(wanted) != std::string::npos;
            };
            constexpr std::string_view kClosing = "}]\"n0";
            for (const char wanted : is_there('~') ? kClosing.substr(2) : kClosing) {
                if (!is_there(wanted) || (n < 150 && random() % 2)) continue;
                byte = wanted;
                break;
            }
            text += byte;
            REQUIRE(machine.push(static_cast<uint8_t>(byte)));
        }
        CAPTURE(text);
        REQUIRE(machine.complete());
        const std::string utf8 = repair_utf8(text);
        const OrderedJson value = OrderedJson::parse(utf8, nullptr, false);
        REQUIRE_FALSE(value.is_discarded());
        CHECK(validator.holds(value));
        ++n_values;
    }
    CHECK(n_values > 2'000);
}

TEST_CASE("schema machine: what validates, in the schema's order, is accepted", "[engine]") {
    // A value from one walk, spelled anew and changed here and there: the validator decides.
    const std::string schema =
        R"({"type":"object","additionalProperties":false,"required":["a","b"],
        "properties":{"a":{"anyOf":[{"type":"integer"},{"enum":["x","xy"]},{"type":"null"}]},
                      "b":{"type":"array","items":{"type":["boolean","string"]},"maxItems":3},
                      "c":{"$ref":"#"}}})";
    const SchemaValidator validator(OrderedJson::parse(schema));
    const auto made = compiled(schema);
    std::mt19937 random(5);
    const OrderedJson parts = {
        1, -3, "x", "xy", "q", nullptr, true, 0.5, OrderedJson::array(), OrderedJson::object()};
    int n_valid = 0;
    const std::function<OrderedJson(int)> value = [&](int n_deep) {
        OrderedJson out = OrderedJson::object();
        const auto part = [&] { return parts[random() % parts.size()]; };
        if (random() % 16) out["a"] = part();
        if (random() % 16) {
            out["b"] = OrderedJson::array();
            for (size_t n = random() % 5; n > 0; --n)
                out["b"].push_back(random() % 3 ? OrderedJson("s") : part());
        }
        if (n_deep > 0 && random() % 2) out["c"] = value(n_deep - 1);
        return out;
    };
    for (int round = 0; round < 20'000; ++round) {
        const OrderedJson one = value(2);
        const std::string text = one.dump(random() % 2 ? -1 : 2);
        SchemaMachine machine(*made);
        bool accepted = true;
        for (const char byte : text) {
            accepted = accepted && machine.push(static_cast<uint8_t>(byte));
        }
        CAPTURE(text);
        const bool valid = validator.holds(one);
        CHECK((accepted && machine.complete()) == valid);
        n_valid += valid;
    }
    CHECK(n_valid > 1'000);
}
