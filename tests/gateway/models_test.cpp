#include "gateway/api/models.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace gateway;
using nlohmann::json;

namespace {

config::Config example() {
    using Action = config::ThinkingRule::Action;
    config::Config config;
    config::Endpoint endpoint;
    endpoint.n_ctx = 8192;
    endpoint.output_tokens_max = 4096;
    endpoint.thinking.efforts[0] = {Action::tier, config::Effort::none};
    endpoint.thinking.efforts[3] = {Action::tier, config::Effort::high};  // degraded: not listed
    endpoint.thinking.efforts[4] = {Action::tier, config::Effort::high};
    config.endpoints = {endpoint, endpoint};  // the first refuses what says nothing
    config.endpoints[1].thinking.absent = {Action::omit, config::Effort::low};
    config.endpoints[1].n_ctx = 100'000;
    config::Route route;
    route.plan = {0, 1};
    config.routes = {route};
    config.route_by_model = {{"b", 0}, {"a/x:1", 0}};
    return config;
}

}  // namespace

TEST_CASE("models: E01, the list is sorted and complete", "[api]") {
    const json list = json::parse(models_list(example()));
    CHECK(list["object"] == "list");
    REQUIRE(list["data"].size() == 2);
    CHECK(list["data"][0]["id"] == "a/x:1");
    CHECK(list["data"][1]["id"] == "b");
    for (const json& entry : list["data"]) {
        CHECK(entry["object"] == "model");
        CHECK(entry["created"].is_number_integer());
        CHECK(entry["owned_by"] == "weir");
        CHECK(entry["context_length"] == 100'000);
        CHECK(entry["max_output_tokens"] == 4096);
        CHECK(entry["default_reasoning_effort"] == "low");
        CHECK(entry["reasoning_efforts"] == json::parse(R"(["none","high"])"));
    }
    CHECK(json::parse(models_list(config::Config()))["data"] == json::array());
}

TEST_CASE("models: a key that is bound to other routes sees none of these", "[api]") {
    config::Config config = example();
    config.routes[0].name = "b";
    const billing::KeyScope allowed(billing::KeyTerms{"", {}, {}, {"b"}, {}, {}});
    const billing::KeyScope other(billing::KeyTerms{"", {}, {}, {"c"}, {}, {}});
    CHECK(json::parse(models_list(config, &allowed))["data"].size() == 2);  // its alias as well
    CHECK(json::parse(models_list(config, &other))["data"] == json::array());
    CHECK(model_entry(config, "a/x:1", &allowed));
    CHECK(model_entry(config, "b", &other).error().code == "model_not_found");
}

TEST_CASE("models: E02 and E03, one entry or 404", "[api]") {
    const auto entry = model_entry(example(), "a/x:1");
    REQUIRE(entry);
    CHECK(json::parse(*entry)["id"] == "a/x:1");
    const auto none = model_entry(example(), "nope");
    REQUIRE_FALSE(none);
    CHECK(none.error().status == 404);
    CHECK(none.error().code == "model_not_found");
}
