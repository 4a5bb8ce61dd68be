#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "gateway/api/chat_request.h"

using namespace gateway;

namespace {

ChatRequest request(const char* messages) {
    auto parsed = parse_chat_request(R"({"model":"m","messages":)" + std::string(messages) + "}",
                                     config::Limits());
    if (!parsed) FAIL(parsed.error().message);
    return std::move(*parsed);
}

int64_t bound(const std::string& body) {
    auto parsed = parse_chat_request(body, config::Limits());
    if (!parsed) FAIL(parsed.error().message);
    CHECK(parsed->n_prompt_tokens_estimate <= parsed->n_prompt_tokens_bound);
    CHECK(parsed->n_prompt_tokens_estimate > 0);
    return parsed->n_prompt_tokens_bound;
}

}  // namespace

TEST_CASE("engine messages: roles are renamed, parts flattened, reasoning kept", "[api]") {
    const auto conversation = engine_conversation(request(R"([
        {"role":"developer","content":"rules"},
        {"role":"user","content":[{"type":"text","text":"one "},{"type":"text","text":"tw\u00f6"}],"name":"x"},
        {"role":"assistant","content":"answer","reasoning_content":"thought"},
        {"role":"user"},
        {"role":"assistant","content":null,"refusal":"no","reasoning":"why"},
        {"role":"user","content":""}])"));
    if (!conversation) FAIL(conversation.error().message);
    const auto* const messages = &conversation->messages;
    REQUIRE(messages->size() == 6);
    CHECK(conversation->tools.empty());
    CHECK((*messages)[0].role == engine::Role::system);
    CHECK((*messages)[1].content == "one tw\xC3\xB6");
    CHECK((*messages)[2].role == engine::Role::assistant);
    CHECK((*messages)[2].reasoning_content == "thought");
    CHECK((*messages)[3].content.empty());
    CHECK((*messages)[4].content == "no");
    CHECK((*messages)[4].reasoning_content == "why");
    CHECK((*messages)[5].role == engine::Role::user);
}

TEST_CASE("engine messages: what the local encoding cannot render is refused", "[api]") {
    const std::pair<const char*, const char*> rows[] = {
        {R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}])",
         "messages[0].content[0].type"},
        {R"([{"role":"function","name":"f","content":"x"}])", "messages[0].role"},
        {R"([{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{"name":"f","input":""}}]},
             {"role":"tool","tool_call_id":"a","content":"x"}])",
         "messages[0].tool_calls[0].type"},
        {R"([{"role":"assistant","function_call":{"name":"f","arguments":""}},{"role":"user"}])",
         "messages[0].function_call"},
    };
    for (const auto& [messages, param] : rows) {
        const auto read = engine_conversation(request(messages));
        REQUIRE_FALSE(read);
        CHECK(read.error().status == 400);
        CHECK(read.error().code == "unsupported_value");
        CHECK(read.error().param == param);
    }
}

TEST_CASE("engine conversation: which tools may be called", "[api]") {
    using Mode = engine::ToolChoice::Mode;
    const auto choice = [](const std::string& more) {
        const auto request =
            parse_chat_request(R"({"model":"m","messages":[{"role":"user","content":"q"}],
            "tools":[{"type":"function","function":{"name":"f"}},
                     {"type":"function","function":{"name":"g"}}])" +
                                   more + "}",
                               config::Limits());
        if (!request) FAIL(request.error().message);
        CHECK_FALSE(request->needs_custom_tools);
        auto conversation = engine_conversation(*request);
        REQUIRE(conversation);
        CHECK_FALSE(conversation->tools.empty());
        return conversation->tool_choice;
    };
    using Names = std::vector<std::string>;
    CHECK(choice("").mode == Mode::automatic);
    CHECK(choice("").n_calls_max == 0);
    CHECK(choice(R"(,"tool_choice":"auto")").mode == Mode::automatic);
    CHECK(choice(R"(,"tool_choice":"none")").mode == Mode::none);
    CHECK(choice(R"(,"tool_choice":"required")").mode == Mode::required);
    CHECK(choice(R"(,"parallel_tool_calls":false)").n_calls_max == 1);
    CHECK(choice(R"(,"parallel_tool_calls":true)").n_calls_max == 0);
    const auto named = choice(R"(,"tool_choice":{"type":"function","function":{"name":"g"}})");
    CHECK(named.mode == Mode::required);
    CHECK(named.only == Names{"g"});
    CHECK(named.n_calls_max == 1);
    const auto allowed =
        choice(R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto",
        "tools":[{"type":"function","function":{"name":"f"}}]}})");
    CHECK(allowed.mode == Mode::automatic);
    CHECK(allowed.only == Names{"f"});
    CHECK(choice(R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required",
        "tools":[{"type":"function","function":{"name":"f"}}]}})")
              .mode == Mode::required);
    CHECK(
        choice(
            R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}})")
            .mode == Mode::none);
}

TEST_CASE("chat request: tools that the engine cannot hold are marked", "[api]") {
    for (const char* tools :
         {R"("tools":[{"type":"custom","custom":{"name":"f"}}])", R"("functions":[{"name":"f"}])",
          R"("functions":[{"name":"f","strict":false}])"}) {
        const auto request =
            parse_chat_request(R"({"model":"m","messages":[{"role":"user","content":"q"}],)" +
                                   std::string(tools) + "}",
                               config::Limits());
        if (!request) FAIL(request.error().message);
        CHECK(request->needs_custom_tools);
    }
}

TEST_CASE("engine conversation: a response format comes as it stands, text is none", "[api]") {
    const auto format = [](const std::string& member) {
        const auto request = parse_chat_request(
            R"({"model":"m","messages":[{"role":"user","content":"json"}])" + member + "}",
            config::Limits());
        if (!request) FAIL(request.error().message);
        CHECK_FALSE(request->needs_custom_tools);
        return engine_conversation(*request)->response_format;
    };
    CHECK(format("").empty());
    CHECK(format(R"(,"response_format":{"type":"text"})").empty());
    CHECK(format(R"(,"response_format": {"type" : "json_object"} )") ==
          R"({"type" : "json_object"})");
    const std::string schema =
        R"({"json_schema":{"name":"x","schema":{"a":2.30}},"type":"json_schema"})";
    CHECK(format(R"(,"response_format":)" + schema) == schema);
    // A strict tool is one that the engine may hold.
    CHECK(format(R"(,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":
        {"type":"object","properties":{},"required":[],"additionalProperties":false}}}])")
              .empty());
}

TEST_CASE("engine conversation: calls and results come whole, tools as they stand", "[api]") {
    auto parsed = parse_chat_request(
        R"({"model":"m","messages":[{"role":"user","content":"q"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]},
        {"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}],
        "tools":[ {"type":"function","function":{"name":"f","parameters":{"x":2.30}}} ]})",
        config::Limits());
    if (!parsed) FAIL(parsed.error().message);
    const auto conversation = engine_conversation(*parsed);
    if (!conversation) FAIL(conversation.error().message);
    CHECK(conversation->tools ==
          R"([ {"type":"function","function":{"name":"f","parameters":{"x":2.30}}} ])");
    const auto& messages = conversation->messages;
    REQUIRE(messages.size() == 3);
    REQUIRE(messages[1].tool_calls.size() == 1);
    CHECK(messages[1].tool_calls[0].id == "c1");
    CHECK(messages[1].tool_calls[0].name == "f");
    CHECK(messages[1].tool_calls[0].arguments == R"({"a": 1})");
    CHECK(messages[2].role == engine::Role::tool);
    CHECK(messages[2].tool_call_id == "c1");
    CHECK(messages[2].content == "one\n\ntwo");
}

TEST_CASE("prompt bound: never below the bytes of the texts", "[api]") {
    nlohmann::json body = {{"model", "m"}, {"messages", nlohmann::json::array()}};
    int64_t n_bytes = 0;
    for (int i = 0; i < 40; ++i) {
        const std::string text(static_cast<size_t>(i), i % 2 ? '"' : 'x');
        body["messages"].push_back({{"role", "user"}, {"content", text}});
        n_bytes += static_cast<int64_t>(text.size()) + 16;
        CHECK(bound(body.dump()) >= n_bytes);
    }
    const int64_t without_tools = bound(body.dump());
    body["tools"] = {{{"type", "function"},
                      {"function", {{"name", "f"}, {"description", std::string(500, 'd')}}}}};
    CHECK(bound(body.dump()) >= without_tools + 1'000);
}

TEST_CASE("prompt bound: an image counts by the table, not by its URL", "[api]") {
    const auto with_url = [](size_t n) {
        return bound(
            R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:)" +
            std::string(n, 'A') + R"("}}]}]})");
    };
    CHECK(with_url(100) == with_url(1'000'000));
    CHECK(with_url(100) >= 48'169);
}
