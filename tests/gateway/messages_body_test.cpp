// Thinking and its replay in the Messages API; test_messages.py has the rest of the body.
#include "gateway/upstream/messages_body.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "gateway/upstream/object_scan.h"

using config::Effort;
using config::ThinkingSpelling;
using nlohmann::json;

namespace {

class Claude {
public:
    explicit Claude(routing::Thinking thinking,
                    ThinkingSpelling spelling = ThinkingSpelling::adaptive)
        : thinking_(thinking) {
        endpoint_.name = "claude";
        endpoint_.model = "real";
        endpoint_.thinking.spelling = spelling;
    }
    void keep(const std::vector<std::string>& calls, const char* blocks) {
        store_.keep(1, "claude", calls, blocks);
    }
    tl::expected<json, gateway::Failure> body(const std::string& members) const {
        gateway::ChatRequest request;
        request.body = R"({"model":"alias",)" + members + "}";
        gateway::UpstreamCall call;
        call.endpoint = &endpoint_;
        call.request = &request;
        call.n_output_tokens_max = 77;
        call.thinking = thinking_;
        call.account = 1;
        const auto made = gateway::messages_body(call, store_);
        if (!made) return tl::unexpected(made.error());
        return json::parse(*made);
    }
    json of(const std::string& members = R"("messages":[{"role":"user","content":"a"}])") const {
        return body(members).value();
    }

private:
    const routing::Thinking thinking_;
    config::Endpoint endpoint_;
    gateway::ReasoningStore store_{1 << 20};
};

routing::Thinking at(Effort effort, bool is_sized = true) {
    return {.tier = effort, .is_sized = is_sized};
}

// A turn that calls a and b with one text, and their results.
std::string called(const char* text) {
    const json call = {{"type", "function"}, {"function", {{"name", "f"}, {"arguments", "{}"}}}};
    json calls = {call, call};
    calls[0]["id"] = "a";
    calls[1]["id"] = "b.b";
    const json messages = {{{"role", "user"}, {"content", "go"}},
                           {{"role", "assistant"}, {"content", text}, {"tool_calls", calls}},
                           {{"role", "tool"}, {"tool_call_id", "a"}, {"content", ""}},
                           {{"role", "tool"}, {"tool_call_id", "b.b"}, {"content", "1"}}};
    return R"("messages":)" + messages.dump();
}

std::string types_of(const json& blocks) {
    std::string out;
    for (const json& block : blocks) out += block["type"].get<std::string>() + " ";
    return out;
}

}  // namespace

TEST_CASE("messages body: thinking in each spelling", "[body]") {
    const json adaptive = {{"type", "adaptive"}, {"display", "summarized"}};
    const auto said = [](const json& body) {
        return json{body.value("thinking", json()), body.value("output_config", json())};
    };
    CHECK(said(Claude(at(Effort::xhigh)).of()) == json{adaptive, {{"effort", "xhigh"}}});
    CHECK(said(Claude(at(Effort::high, false)).of()) == json{adaptive, nullptr});
    CHECK(said(Claude(at(Effort::none)).of()) == json{{{"type", "disabled"}}, nullptr});
    CHECK(said(Claude({.tier = Effort::high, .send = false}).of()) == json{nullptr, nullptr});
    CHECK(said(Claude({.tier = Effort::high, .n_budget_tokens = 9}).of()) ==
          json{{{"type", "enabled"}, {"budget_tokens", 9}}, nullptr});
    // Servers that speak the dialect and think another way.
    CHECK(said(Claude(at(Effort::max), ThinkingSpelling::type_and_effort).of()) ==
          json{{{"type", "enabled"}}, {{"effort", "max"}}});
    CHECK(said(Claude(at(Effort::high), ThinkingSpelling::type).of()) ==
          json{{{"type", "enabled"}}, nullptr});
}

TEST_CASE("messages body: kept blocks go back where they stood", "[body]") {
    const char* const kept =
        R"([{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"a"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"x"},{"type":"text","text":"y"},{"type":"tool_use","id":"b.b"}])";
    Claude claude(at(Effort::high));
    claude.keep({"a", "b.b"}, kept);
    json turn = claude.of(called("xy"))["messages"][1]["content"];
    CHECK(types_of(turn) == "thinking tool_use redacted_thinking text text tool_use ");
    CHECK(turn[0] == json::parse(kept)[0]);
    CHECK(turn[2] == json::parse(kept)[2]);
    CHECK(turn[1] == json::parse(R"({"type":"tool_use","id":"a","name":"f","input":{}})"));
    const json results = claude.of(called("xy"))["messages"][2]["content"];
    CHECK(results[0] == json::parse(R"({"type":"tool_result","tool_use_id":"a"})"));
    CHECK(results[1]["tool_use_id"] == turn[5]["id"]);
    CHECK(turn[5]["id"].get<std::string>().find('.') == std::string::npos);
    // What the client changed is the client's; the reasoning still comes first.
    turn = claude.of(called("z"))["messages"][1]["content"];
    CHECK(types_of(turn) == "thinking redacted_thinking text tool_use tool_use ");
    // Nor does it go to a request that does not think.
    Claude silent(at(Effort::none));
    silent.keep({"a", "b.b"}, kept);
    CHECK(types_of(silent.of(called("xy"))["messages"][1]["content"]) == "text tool_use tool_use ");
}

TEST_CASE("messages body: arguments that are no object are refused, however deep", "[body]") {
    const Claude claude(at(Effort::none));
    const auto refused = [&](const std::string& arguments) {
        const json messages = {
            {{"role", "user"}, {"content", "go"}},
            {{"role", "assistant"},
             {"tool_calls",
              {{{"id", "a"}, {"function", {{"name", "f"}, {"arguments", arguments}}}}}}},
            {{"role", "tool"}, {"tool_call_id", "a"}, {"content", "1"}}};
        const auto made = claude.body(R"("messages":)" + messages.dump());
        return made ? std::string() : made.error().param;
    };
    const std::string place = "messages[1].tool_calls[0].function.arguments";
    CHECK(refused("").empty());
    CHECK(refused(" {\"x\":[1]} ").empty());
    for (const char* const arguments :
         {"[]", "1", "null", "\"x\"", "{", "{}{}", "{\"x\":\"\\ud800\"}"})
        CHECK(refused(arguments) == place);
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += R"({"x":)";
    CHECK(refused(deep + "1" + std::string(100'000, '}')) == place);
    CHECK(refused(deep) == place);
}
