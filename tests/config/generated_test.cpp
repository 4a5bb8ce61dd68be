// What is generated from the grammar and stands in deploy/ is what the grammar generates.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "config/grammar.h"
#include "tests/config/sample.h"

using nlohmann::json;

namespace {

// Every key of `section` is described in `schema`, and nothing else is.
void compare(const config::Section& section, const json& schema) {
    CHECK(schema.at("type") == "object");
    CHECK(schema.at("additionalProperties") == false);
    const json& properties = schema.at("properties");
    CHECK(properties.size() == section.keys.size());
    for (const config::Key& key : section.keys) {
        CAPTURE(key.name);
        const json& property = properties.at(std::string(key.name));
        CHECK(property.at("description") == std::string(key.help));
        if (key.type == config::Type::section) compare(*key.section, property);
        if (key.type == config::Type::named) {
            compare(*key.section, property.at("additionalProperties"));
        }
        const json required = schema.value("required", json::array());
        CHECK((std::find(required.begin(), required.end(), std::string(key.name)) !=
               required.end()) == key.required);
    }
}

}  // namespace

TEST_CASE("json_schema: valid JSON that lists every key", "[config]") {
    const json schema = json::parse(config::json_schema());
    CHECK(schema.at("$schema") == "https://json-schema.org/draft/2020-12/schema");
    compare(config::root_section(), schema);
    CHECK(schema["properties"]["listen"]["properties"]["port"]["default"] == 8080);
    CHECK(schema["properties"]["listen"]["properties"]["half_closed_clients"]["default"] == false);
    CHECK(schema["properties"]["listen"]["properties"]["address"]["default"] == "127.0.0.1");
    const json& engine = schema["properties"]["engines"]["additionalProperties"]["properties"];
    CHECK(engine["encoding"]["default"] == "0731");
    CHECK(engine["encoding"]["anyOf"][0]["enum"] == json({"preview", "0731"}));
}

TEST_CASE("deploy/weir.schema.json is what the grammar generates", "[config]") {
    CHECK(sample::read("deploy/weir.schema.json") == config::json_schema());
}

TEST_CASE("deploy/config.md is what the grammar generates", "[config]") {
    const std::string page = config::reference_page();
    CHECK(sample::read("deploy/config.md") == page);
    const std::function<void(const config::Section&)> look = [&](const config::Section& section) {
        for (const config::Key& key : section.keys) {
            CHECK_THAT(page, Catch::Contains("| `" + std::string(key.name) + "` |"));
            if (key.section) look(*key.section);
        }
    };
    look(config::root_section());
}
