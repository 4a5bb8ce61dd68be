#include "gateway/upstream/thinking_members.h"

#include <catch2/catch.hpp>

using config::Effort;
using config::ThinkingSpelling;

namespace {

// "key=value key=value"
std::string said(const routing::Thinking& thinking, ThinkingSpelling spelling) {
    std::string out;
    for (const gateway::ThinkingMember& member : gateway::thinking_members(thinking, spelling)) {
        if (!out.empty()) out += ' ';
        out.append(member.key).append("=").append(member.value);
    }
    return out;
}

}  // namespace

TEST_CASE("thinking members: every spelling of off, on, a tier and a budget", "[body]") {
    using enum ThinkingSpelling;
    const routing::Thinking off{.tier = Effort::none};
    const routing::Thinking on{.tier = Effort::high, .is_sized = false};
    const routing::Thinking low{.tier = Effort::low};
    const routing::Thinking budget{.tier = Effort::high, .n_budget_tokens = 2'000};
    CHECK(said(off, effort) == R"(reasoning_effort="none")");
    CHECK(said(on, effort).empty());
    CHECK(said(low, effort) == R"(reasoning_effort="low")");
    CHECK(said(off, type) == R"(thinking={"type":"disabled"})");
    CHECK(said(low, type) == R"(thinking={"type":"enabled"})");
    CHECK(said(off, type_and_effort) == R"(thinking={"type":"disabled"})");
    CHECK(said(on, type_and_effort) == R"(thinking={"type":"enabled"})");
    CHECK(said(low, type_and_effort) == R"(reasoning_effort="low" thinking={"type":"enabled"})");
    CHECK(said(on, adaptive) == R"(thinking={"type":"adaptive"})");
    CHECK(said(low, adaptive) == R"(thinking={"type":"adaptive"} output_config={"effort":"low"})");
    CHECK(said(budget, adaptive) == R"(thinking={"type":"enabled","budget_tokens":2000})");
    CHECK(said(budget, budget_tokens) == R"(thinking={"type":"enabled","budget_tokens":2000})");
    CHECK(said(off, reasoning) == R"(reasoning={"effort":"none"})");
    CHECK(said(on, reasoning) == R"(reasoning={"enabled":true})");
    CHECK(said(low, reasoning) == R"(reasoning={"effort":"low"})");
    CHECK(said(budget, reasoning) == R"(reasoning={"max_tokens":2000})");
    CHECK(said(off, enable_thinking) == R"(chat_template_kwargs={"enable_thinking":false})");
    CHECK(said(low, enable_thinking) == R"(chat_template_kwargs={"enable_thinking":true})");
    for (const auto spelling :
         {effort, type, type_and_effort, adaptive, budget_tokens, reasoning, enable_thinking})
        CHECK(said({.tier = Effort::high, .send = false}, spelling).empty());
}
