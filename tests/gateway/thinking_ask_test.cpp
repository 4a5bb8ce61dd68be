#include "gateway/api/chat_request.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace gateway;
using routing::ThinkingAsk;

namespace {

tl::expected<ThinkingAsk, ApiError> ask(const char* merge) {
    auto body =
        nlohmann::json::parse(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
    body.update(nlohmann::json::parse(merge));
    auto request = parse_chat_request(body.dump(), config::Limits());
    if (!request) return tl::unexpected(std::move(request.error()));
    return request->thinking;
}

std::string described(const ThinkingAsk& thinking) {
    switch (thinking.kind) {
        case ThinkingAsk::Kind::absent:
            return "absent";
        case ThinkingAsk::Kind::on:
            return "on";
        case ThinkingAsk::Kind::effort:
            return std::string(config::to_string(thinking.effort));
        case ThinkingAsk::Kind::budget:
            break;
    }
    return std::to_string(thinking.n_budget_tokens);
}

}  // namespace

TEST_CASE("thinking: all ways to ask come down to one value", "[api]") {
    const std::pair<const char*, const char*> rows[] = {
        {R"({})", "absent"},
        {R"({"reasoning_effort":null})", "absent"},
        {R"({"reasoning":{}})", "absent"},
        {R"({"reasoning_effort":"minimal"})", "minimal"},
        {R"({"reasoning_effort":"ultra"})", "max"},
        {R"({"reasoning":{"effort":"low"}})", "low"},
        {R"({"output_config":{"effort":"xhigh"}})", "xhigh"},
        {R"({"chat_template_kwargs":{"reasoning_effort":"medium"}})", "medium"},
        {R"({"thinking":{"type":"disabled"}})", "none"},
        {R"({"thinking":{"type":"enabled"}})", "on"},
        {R"({"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}})", "high"},
        {R"({"enable_thinking":false})", "none"},
        {R"({"enable_thinking":true})", "on"},
        {R"({"think":true})", "on"},
        {R"({"reasoning":{"enabled":false}})", "none"},
        {R"({"chat_template_kwargs":{"thinking":true}})", "on"},
        {R"({"reasoning":{"max_tokens":1024}})", "1024"},
        {R"({"thinking":{"type":"enabled","budget_tokens":2048}})", "2048"},
        {R"({"thinking_budget":0})", "none"},
        {R"({"thinking_budget":0,"enable_thinking":false})", "none"},
        {R"({"reasoning_effort":"none","enable_thinking":false})", "none"},
        {R"({"reasoning_effort":"high","reasoning":{"effort":"high"},"think":true})", "high"},
    };
    for (const auto& [merge, expected] : rows) {
        INFO(merge);
        const auto thinking = ask(merge);
        if (!thinking) FAIL(thinking.error().message);
        CHECK(described(*thinking) == expected);
    }
}

TEST_CASE("thinking: whether the reasoning of earlier calls came back", "[api]") {
    using routing::Replayed;
    const auto replayed = [](const std::string& of_call, const std::string& of_answer) {
        const auto request = gateway::parse_chat_request(
            R"({"model":"m","messages":[{"role":"user","content":"a"},)"
            R"({"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",)"
            R"("function":{"name":"f","arguments":"{}"}}])" +
                of_call + R"(},{"role":"tool","tool_call_id":"1","content":"c"},)" +
                R"({"role":"assistant","content":"d")" + of_answer +
                R"(},{"role":"user","content":"e"},{"role":"assistant","content":"f"},)" +
                R"({"role":"user","content":"g"}]})",
            config::Limits());
        if (!request) FAIL(request.error().message);
        return request->replayed;
    };
    const std::string here = R"(,"reasoning_content":"x")";
    const std::string elsewhere = R"(,"reasoning":"x")";
    CHECK(replayed(here, here) == Replayed::whole);
    CHECK(replayed(here, elsewhere) == Replayed::elsewhere);
    CHECK(replayed(elsewhere, here) == Replayed::elsewhere);
    CHECK(replayed(here, "") == Replayed::missing);
    CHECK(replayed("", elsewhere) == Replayed::missing);
    CHECK(replayed(R"(,"reasoning_content":"")", here) == Replayed::missing);
    CHECK(replayed(R"(,"reasoning_content":null)", here) == Replayed::missing);
}

TEST_CASE("thinking: contradictions are refused", "[api]") {
    for (const char* const merge : {
             R"({"reasoning_effort":"high","enable_thinking":false})",
             R"({"reasoning_effort":"none","think":true})",
             R"({"reasoning_effort":"low","reasoning":{"effort":"high"}})",
             R"({"reasoning_effort":"low","thinking_budget":1000})",
             R"({"thinking":{"type":"disabled","budget_tokens":5}})",
             R"({"thinking_budget":5,"reasoning":{"max_tokens":6}})",
             R"({"enable_thinking":true,"think":false})",
             R"({"enable_thinking":true,"thinking_budget":0})",
         }) {
        INFO(merge);
        const auto thinking = ask(merge);
        REQUIRE_FALSE(thinking);
        CHECK(thinking.error().status == 400);
        CHECK(thinking.error().code == "conflicting_reasoning_controls");
        CHECK(thinking.error().param);
    }
}

TEST_CASE("thinking: unknown words, wrong types and broken budgets are refused", "[api]") {
    const std::tuple<const char*, const char*, const char*> rows[] = {
        {R"({"reasoning_effort":"High"})", "invalid_value", "reasoning_effort"},
        {R"({"reasoning_effort":3})", "invalid_type", "reasoning_effort"},
        {R"({"reasoning":{"effort":"huge"}})", "invalid_value", "reasoning.effort"},
        {R"({"reasoning":"high"})", "invalid_type", "reasoning"},
        {R"({"reasoning":{"exclude":true}})", "unknown_parameter", "reasoning.exclude"},
        {R"({"thinking":{"type":"on"}})", "invalid_value", "thinking.type"},
        {R"({"thinking":{}})", "missing_required_parameter", "thinking.type"},
        {R"({"thinking_budget":-1})", "integer_below_min_value", "thinking_budget"},
        {R"({"thinking_budget":1.5})", "invalid_type", "thinking_budget"},
        {R"({"enable_thinking":"yes"})", "invalid_type", "enable_thinking"},
    };
    for (const auto& [merge, code, param] : rows) {
        INFO(merge);
        const auto thinking = ask(merge);
        REQUIRE_FALSE(thinking);
        CHECK(thinking.error().code == code);
        CHECK(thinking.error().param == param);
    }
}
