#include "gateway/api/usage_chunk.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using gateway::missing_usage_chunk;
using gateway::Usage;
using nlohmann::json;

TEST_CASE("missing_usage_chunk: carries our count under the stream's own id, model and time",
          "[api]") {
    const Usage usage{.n_prompt = 9, .n_cache_read = 2, .n_output = 5, .n_reasoning = 3};
    const auto chunk = json::parse(missing_usage_chunk(
        R"({"id":"chatcmpl-7","object":"chat.completion.chunk","created":12,"model":"m","choices":[]})",
        usage));
    CHECK(chunk["id"] == "chatcmpl-7");
    CHECK(chunk["object"] == "chat.completion.chunk");
    CHECK(chunk["created"] == 12);
    CHECK(chunk["model"] == "m");
    CHECK(chunk["choices"] == json::array());
    CHECK(chunk["usage"]["prompt_tokens"] == 9);
    CHECK(chunk["usage"]["completion_tokens"] == 5);
    CHECK(chunk["usage"]["total_tokens"] == 14);
    CHECK(chunk["usage"]["prompt_tokens_details"]["cached_tokens"] == 2);
    CHECK(chunk["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3);
}

TEST_CASE("missing_usage_chunk: is a chunk whatever the sample lacks", "[api]") {
    for (const char* sample : {"", "{", "[]", "{}", R"({"id":7,"created":"x"})"}) {
        const auto chunk = json::parse(missing_usage_chunk(sample, Usage{.n_prompt = 1}));
        CHECK(chunk["usage"]["total_tokens"] == 1);
        CHECK(chunk["choices"] == json::array());
    }
}
