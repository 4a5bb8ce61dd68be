#include "gateway/upstream/reasoning_refill.h"

#include <catch2/catch.hpp>

namespace {

const gateway::ReasoningStore empty_store(1 << 20);

std::string refill_reasoning(const std::string& messages) {
    return gateway::refill_reasoning(
        messages, gateway::KeptReasoning(empty_store, 1, gateway::kPlainReasoning));
}

}  // namespace

TEST_CASE("reasoning refill: messages of a stretch of calls, and no others", "[body]") {
    const std::string before =
        R"({"role":"user","content":"a"},{"role":"assistant","content":"b"})";
    const std::string tool = R"({"role":"tool","tool_call_id":"1","content":"c"})";
    const auto refilled = [&](const std::string& message) {
        const std::string open = "[" + before + ",";
        const std::string all =
            refill_reasoning("[ " + before + " , " + message + "," + tool + "]");
        REQUIRE(all.starts_with(open));
        return all.substr(open.size(), all.size() - open.size() - tool.size() - 2);
    };
    const std::string call = R"("tool_calls":[{"id":"1"}])";
    const std::string head = R"({"role":"assistant", )" + call;
    const std::string made_up = R"("reasoning_content":"not available")";
    CHECK(refilled(head + "}") == R"({"role":"assistant",)" + call + "," + made_up + "}");
    CHECK(refilled(head + R"(,"reasoning_content":"","content":null})") ==
          R"({"role":"assistant",)" + call + "," + made_up + R"(,"content":null})");
    CHECK(refilled(head + R"(,"reasoning":"why"})") ==
          R"({"role":"assistant",)" + call + R"(,"reasoning_content":"why"})");
    for (const std::string rest :
         {R"(,"reasoning_content":"why"})", R"(,"reasoning_content":"why","reasoning":"other"})"})
        CHECK(refilled(head + rest) == head + rest);
    CHECK(refill_reasoning("[" + tool + R"(,{"role":"assistant","content":"d"}])") ==
          "[" + tool + R"(,{"role":"assistant","content":"d",)" + made_up + "}]");
}

TEST_CASE("reasoning refill: what is kept goes before a placeholder, and is counted", "[body]") {
    gateway::ReasoningStore store(1 << 20);
    const std::vector<std::string> calls{"1", "2"};
    store.keep(7, gateway::kPlainReasoning, calls, "\"why\"");
    const std::string head = R"([{"role":"assistant","tool_calls":[{"id":"2"}])";
    const auto kept = [&](uint64_t account) {
        return gateway::KeptReasoning(store, account, gateway::kPlainReasoning);
    };
    CHECK(gateway::refill_reasoning(head + "}]", kept(7)) ==
          head + R"(,"reasoning_content":"\"why\""}])");
    CHECK(gateway::has_all_reasoning(head + "}]", kept(7)));
    CHECK_FALSE(gateway::has_all_reasoning(head + "}]", kept(8)));
    CHECK(gateway::has_all_reasoning(head + R"(,"reasoning":"x"}])", kept(8)));
    CHECK(gateway::n_kept_tokens_max(head + "}]", kept(7)) == 5);
    CHECK(gateway::n_kept_tokens_max(head + "}]", kept(8)) == 0);
    CHECK(gateway::n_kept_tokens_max("[]", kept(7)) == 0);

    const std::vector<std::string> answer{gateway::name_of_answer("it is\n")};
    store.keep(7, gateway::kPlainReasoning, answer, "because");
    const std::string tool = R"([{"role":"tool"},{"role":"assistant","content":"it is\n")";
    CHECK(gateway::refill_reasoning(tool + "}]", kept(7)) ==
          tool + R"(,"reasoning_content":"because"}])");
    CHECK(gateway::n_kept_tokens_max(tool + "}]", kept(7)) == 7);
    CHECK_FALSE(gateway::has_all_reasoning(
        R"([{"role":"tool"},{"role":"assistant","content":"it is"}])", kept(7)));
}

TEST_CASE("open calls: those that began the turn whose results end the conversation", "[body]") {
    const std::string user = R"({"role":"user","content":"a"})";
    const std::string tool = R"({"role":"tool","tool_call_id":"1","content":"c"})";
    const auto calling = [](const std::string& id) {
        return R"({"role":"assistant","tool_calls":[{"id":")" + id + R"("}]})";
    };
    const auto open = [](const std::vector<std::string>& messages) {
        std::string all = "[";
        for (const std::string& message : messages) all += (all.size() > 1 ? "," : "") + message;
        all += ']';
        return std::string(gateway::open_calls(all));
    };
    const std::string first = R"([{"id":"1"}])";
    CHECK(open({}).empty());
    CHECK(open({user}).empty());
    CHECK(open({user, calling("1"), tool, user}).empty());
    CHECK(open({user, calling("1"), tool}) == first);
    CHECK(open({user, calling("0"), tool, user, calling("1"), tool, tool, calling("2"), tool}) ==
          first);
    // A turn that began with words alone has none that are kept.
    CHECK(open({user, R"({"role":"assistant","content":"b"})", calling("1"), tool}) == "[]");
}
