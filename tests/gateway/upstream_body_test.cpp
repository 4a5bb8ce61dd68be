#include "gateway/upstream/upstream_body.h"

#include <catch2/catch.hpp>

#include "config/thinking_defaults.h"
#include "gateway/upstream/object_scan.h"

using config::Effort;
using config::UpstreamKind;

namespace {

struct Sent {
    UpstreamKind kind = UpstreamKind::openai;
    routing::Thinking thinking{};
    std::string table = {};  // the model that chooses the thinking table

    std::string of(const std::string& body) const {
        gateway::ChatRequest request;
        request.body = body;
        request.members = gateway::object_members(request.body);
        request.stream = body.find("\"stream\":true") != std::string::npos;
        config::Upstream upstream;
        upstream.kind = kind;
        config::Endpoint endpoint;
        endpoint.model = "real\"name";
        endpoint.thinking = config::shipped_thinking(kind, table).table;
        gateway::UpstreamCall call;
        call.upstream = &upstream;
        call.endpoint = &endpoint;
        call.request = &request;
        call.n_output_tokens_max = 77;
        call.thinking = thinking;
        return gateway::upstream_body(call, gateway::ReasoningStore(1 << 20));
    }
};

routing::Thinking tier(Effort effort) {
    return {.tier = effort};
}
routing::Thinking silent() {
    return {.tier = Effort::high, .send = false};
}

}  // namespace

TEST_CASE("upstream body: the model and the limit are ours, the rest is the client's", "[body]") {
    CHECK(Sent{UpstreamKind::openai, silent()}.of(
              R"({"model":"alias","messages":[ 1 ],"max_tokens":5,"seed":7})") ==
          R"({"model":"real\"name","messages":[ 1 ],"seed":7,"max_completion_tokens":77})");
    CHECK(Sent{UpstreamKind::deepseek, silent()}.of(R"({"model":"a","max_completion_tokens":5})") ==
          R"({"model":"real\"name","max_tokens":77})");
    CHECK(Sent{UpstreamKind::openai_compatible, silent()}.of(R"({"model":"a","max_tokens":5})") ==
          R"({"model":"real\"name","max_tokens":77})");
}

TEST_CASE("upstream body: usage is always asked for in streams", "[body]") {
    const Sent sent{UpstreamKind::deepseek, silent()};
    CHECK(
        sent.of(R"({"model":"a","stream":true})") ==
        R"({"model":"real\"name","stream":true,"stream_options":{"include_usage":true},"max_tokens":77})");
    CHECK(
        sent.of(
            R"({"model":"a","stream":true,"stream_options":{"include_obfuscation":true,"x":1,"include_us\u0061ge":false}})") ==
        R"({"model":"real\"name","stream":true,"stream_options":{"x":1,"include_us\u0061ge":true},"max_tokens":77})");
    CHECK(
        sent.of(R"({"model":"a","stream":true,"stream_options":null})") ==
        R"({"model":"real\"name","stream":true,"stream_options":{"include_usage":true},"max_tokens":77})");
}

TEST_CASE("upstream body: one thinking control a kind, all others gone", "[body]") {
    const std::string body =
        R"({"model":"a","reasoning_effort":"max","thinking":{"type":"enabled"},"enable_thinking":true,"reasoning":{"effort":"low"},"think":true,"thinking_budget":9,"chat_template_kwargs":{"reasoning_effort":"x","keep":1},"output_config":{"effort":"low"}})";
    const std::string kept = R"("chat_template_kwargs":{"keep":1})";
    CHECK(Sent{UpstreamKind::openai, tier(Effort::xhigh)}.of(body) ==
          R"({"model":"real\"name","reasoning_effort":"xhigh",)" + kept +
              R"(,"max_completion_tokens":77})");
    CHECK(Sent{UpstreamKind::openai, tier(Effort::none)}.of(body) ==
          R"({"model":"real\"name","reasoning_effort":"none",)" + kept +
              R"(,"max_completion_tokens":77})");
    CHECK(Sent{UpstreamKind::deepseek, tier(Effort::high)}.of(body) ==
          R"({"model":"real\"name","reasoning_effort":"high","thinking":{"type":"enabled"},)" +
              kept + R"(,"max_tokens":77})");
    CHECK(Sent{UpstreamKind::deepseek, tier(Effort::none)}.of(body) ==
          R"({"model":"real\"name","thinking":{"type":"disabled"},)" + kept +
              R"(,"max_tokens":77})");
    CHECK(Sent{UpstreamKind::openai_compatible, tier(Effort::low)}.of(R"({"model":"a"})") ==
          R"({"model":"real\"name","max_tokens":77,"reasoning_effort":"low"})");
    CHECK(Sent{UpstreamKind::deepseek, silent()}.of(body) ==
          R"({"model":"real\"name",)" + kept + R"(,"max_tokens":77})");
    CHECK(Sent{UpstreamKind::deepseek, silent()}.of(
              R"({"model":"a","chat_template_kwargs":{"thinking":true}})") ==
          R"({"model":"real\"name","max_tokens":77})");
}

TEST_CASE("upstream body: each table spells thinking in its own way", "[body]") {
    const auto said = [](const char* model, const routing::Thinking& thinking) {
        const std::string body =
            Sent{UpstreamKind::openai_compatible, thinking, model}.of(R"({"model":"a"})");
        constexpr std::string_view kBefore = R"({"model":"real\"name","max_tokens":77)";
        return body.substr(kBefore.size());
    };
    CHECK(said("kimi-k2.6", tier(Effort::high)) == R"(,"thinking":{"type":"enabled"}})");
    CHECK(said("kimi-k2.6", tier(Effort::none)) == R"(,"thinking":{"type":"disabled"}})");
    CHECK(said("claude-opus-4-7", tier(Effort::max)) ==
          R"(,"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}})");
    CHECK(said("claude-opus-4-7", {.tier = Effort::high, .is_sized = false}) ==
          R"(,"thinking":{"type":"adaptive"}})");
    CHECK(said("claude-sonnet-4-6", {.tier = Effort::high, .n_budget_tokens = 2'000}) ==
          R"(,"thinking":{"type":"enabled","budget_tokens":2000}})");
    CHECK(said("claude-haiku-4-5", {.tier = Effort::low, .n_budget_tokens = 1'024}) ==
          R"(,"thinking":{"type":"enabled","budget_tokens":1024}})");
    CHECK(said("gemini-3-flash-preview", tier(Effort::minimal)) ==
          R"(,"reasoning_effort":"minimal"})");
    CHECK(said("gemini-3-flash-preview", silent()) == "}");
}

TEST_CASE("upstream body: dropped parameters are not sent", "[body]") {
    routing::Thinking thinking = tier(Effort::high);
    thinking.dropped = config::ParamSet(config::Param::temperature, config::Param::logprobs);
    CHECK(
        Sent{UpstreamKind::deepseek, thinking}.of(
            R"({"model":"a","temperature":1,"top_p":0.5,"logprobs":true,"top_logprobs":2})") ==
        R"({"model":"real\"name","top_p":0.5,"max_tokens":77,"reasoning_effort":"high","thinking":{"type":"enabled"}})");
}
