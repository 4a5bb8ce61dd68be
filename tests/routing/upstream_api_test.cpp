#include "routing/upstream_api.h"

#include <catch2/catch.hpp>

using config::Effort;
using config::UpstreamApi;
using config::UpstreamKind;

namespace {

UpstreamApi api_of(const char* model, bool has_tools, Effort tier,
                   UpstreamKind kind = UpstreamKind::openai,
                   UpstreamApi written = UpstreamApi::automatic) {
    config::Endpoint endpoint;
    endpoint.model = model;
    endpoint.api = written;
    return routing::upstream_api(endpoint, kind, has_tools, tier);
}

}  // namespace

TEST_CASE("upstream api: models without chat, and models that think without tools only",
          "[routing]") {
    for (const char* model : {"gpt-5.5-pro", "gpt-5.5-pro-2026-04-23", "gpt-5.3-codex",
                              "gpt-5.3-codex-spark", "o3-deep-research"})
        CHECK(api_of(model, false, Effort::none) == UpstreamApi::responses);
    for (const char* model : {"gpt-5.5", "gpt-5.5-2026-04-23", "gpt-5.4", "gpt-6-astra"}) {
        CHECK(api_of(model, false, Effort::high) == UpstreamApi::chat);
        CHECK(api_of(model, true, Effort::none) == UpstreamApi::chat);
        CHECK(api_of(model, true, Effort::low) == UpstreamApi::responses);
    }
    for (const char* model : {"gpt-4.1", "gpt-5", "prompt", "my-pronoun"})
        CHECK(api_of(model, true, Effort::high) == UpstreamApi::chat);
}

TEST_CASE("upstream api: the config's word counts, and other kinds speak chat", "[routing]") {
    CHECK(api_of("gpt-5.5-pro", true, Effort::high, UpstreamKind::openai, UpstreamApi::chat) ==
          UpstreamApi::chat);
    CHECK(api_of("m", false, Effort::none, UpstreamKind::openai_compatible,
                 UpstreamApi::responses) == UpstreamApi::responses);
    CHECK(api_of("m", true, Effort::high, UpstreamKind::anthropic) == UpstreamApi::messages);
    for (const auto kind : {UpstreamKind::deepseek, UpstreamKind::openai_compatible})
        CHECK(api_of("gpt-5.5-pro", true, Effort::high, kind) == UpstreamApi::chat);
}
