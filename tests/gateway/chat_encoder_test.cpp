#include "gateway/api/chat_encoder.h"

#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "gateway/api/api_error.h"
#include "gateway/api/json_text.h"

using namespace gateway;
using nlohmann::json;

namespace {

const AnswerHead kHead{"chatcmpl-1", 1'755'000'000, "tiny \"m\"", "fp"};

engine::TokenDelta delta(std::string reasoning, std::string content) {
    return {std::move(reasoning), std::move(content), {}};
}

}  // namespace

TEST_CASE("chunks: S03 to S06, role once, deltas of the changed key, one finish", "[api]") {
    const ChunkEncoder encoder(kHead, false, false);
    const json role = json::parse(encoder.role_chunk());
    CHECK(role["object"] == "chat.completion.chunk");
    CHECK(role["id"] == "chatcmpl-1");
    CHECK(role["created"] == 1'755'000'000);
    CHECK(role["model"] == "tiny \"m\"");
    CHECK(role["system_fingerprint"] == "fp");
    CHECK(role["choices"][0]["delta"] ==
          json::parse(R"({"role":"assistant","content":"","refusal":null})"));
    CHECK(role["choices"][0]["finish_reason"].is_null());
    CHECK(role["choices"][0]["logprobs"].is_null());
    const json text = json::parse(encoder.delta_chunk(delta("", "Hi")));
    CHECK(text["choices"][0]["delta"] == json::parse(R"({"content":"Hi"})"));
    const json thought = json::parse(encoder.delta_chunk(delta("hm", "")));
    CHECK(thought["choices"][0]["delta"] == json::parse(R"({"reasoning_content":"hm"})"));
    CHECK(json::parse(encoder.delta_chunk(delta("hm", "Hi")))["choices"][0]["delta"] ==
          json::parse(R"({"reasoning_content":"hm","content":"Hi"})"));
    const json finish = json::parse(encoder.finish_chunk("length"));
    CHECK(finish["choices"][0]["delta"] == json::object());
    CHECK(finish["choices"][0]["finish_reason"] == "length");
    for (const json& chunk : {role, text, finish}) {
        CHECK_FALSE(chunk.contains("usage"));
        CHECK(chunk["id"] == role["id"]);
    }
}

TEST_CASE("chunks: S07, usage is null everywhere but in a chunk of its own", "[api]") {
    const ChunkEncoder encoder(kHead, true, false);
    for (const std::string& chunk :
         {encoder.role_chunk(), encoder.delta_chunk(delta("", "x")), encoder.finish_chunk("stop")})
        CHECK(json::parse(chunk).at("usage").is_null());
    const json usage = json::parse(encoder.usage_chunk({18, 3, 0, 286, 200}));
    CHECK(usage["choices"] == json::array());
    CHECK(usage["usage"]["prompt_tokens"] == 18);
    CHECK(usage["usage"]["completion_tokens"] == 286);
    CHECK(usage["usage"]["total_tokens"] == 304);
    CHECK(usage["usage"]["prompt_tokens_details"]["cached_tokens"] == 3);
    CHECK(usage["usage"]["completion_tokens_details"]["reasoning_tokens"] == 200);
}

TEST_CASE("completion: C01 to C03", "[api]") {
    const json body =
        json::parse(completion(kHead, delta("", "Hi!"), "stop", {8, 0, 0, 2, 0}, false));
    CHECK(body["object"] == "chat.completion");
    CHECK(body["choices"][0]["message"] ==
          json::parse(R"({"role":"assistant","content":"Hi!","refusal":null,"annotations":[]})"));
    CHECK(body["choices"][0]["logprobs"].is_null());
    CHECK(body["choices"][0]["finish_reason"] == "stop");
    CHECK(body["usage"]["total_tokens"] == 10);
    CHECK(body["usage"]["prompt_tokens_details"].is_object());
    CHECK(body["usage"]["completion_tokens_details"].is_object());
    AnswerHead head = kHead;
    head.fingerprint.clear();
    CHECK(json::parse(completion(head, {}, "stop", {}, false))["system_fingerprint"].is_null());
}

TEST_CASE("completion: S34, an answer eaten by reasoning is empty, not null", "[api]") {
    const json body =
        json::parse(completion(kHead, delta("long thought", ""), "length", {8, 0, 0, 5, 5}, false));
    CHECK(body["choices"][0]["message"]["content"] == "");
    CHECK(body["choices"][0]["message"]["reasoning_content"] == "long thought");
}

TEST_CASE("chunks: 1.10, a call's head once, then pieces of its arguments", "[api]") {
    const ChunkEncoder encoder(kHead, false, false);
    CHECK(json::parse(encoder.role_chunk(Opening::calls))["choices"][0]["delta"] ==
          json::parse(R"({"role":"assistant","content":null,"refusal":null})"));
    engine::TokenDelta one;
    one.calls = {{0, "call_1", "f", "{", false}};
    CHECK(json::parse(encoder.delta_chunk(one))["choices"][0]["delta"] ==
          json::parse(R"({"tool_calls":[
        {"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{"}}]})"));
    one.calls = {{0, "", "", "\"a\": 1}", true}, {1, "call_2", "g", "{}", true}};
    CHECK(json::parse(encoder.delta_chunk(one))["choices"][0]["delta"] ==
          json::parse(R"({"tool_calls":[
        {"index":0,"function":{"arguments":"\"a\": 1}"}},
        {"index":1,"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]})"));
    one.content = "so";
    one.calls.pop_back();
    CHECK(json::parse(encoder.delta_chunk(one))["choices"][0]["delta"] ==
          json::parse(R"({"content":"so",
        "tool_calls":[{"index":0,"function":{"arguments":"\"a\": 1}"}}]})"));
}

TEST_CASE("completion: T07, calls, and content null where there is none", "[api]") {
    engine::TokenDelta whole;
    whole.calls = {{0, "call_1", "f", R"({"a": 1})", true}, {1, "call_2", "g", "{}", true}};
    const auto message = [&] {
        const json body =
            json::parse(completion(kHead, whole, "tool_calls", {8, 0, 0, 2, 0}, false));
        CHECK(body["choices"][0]["finish_reason"] == "tool_calls");
        return body["choices"][0]["message"];
    };
    CHECK(message() ==
          json::parse(R"({"role":"assistant","content":null,"refusal":null,"annotations":[],
        "tool_calls":[
          {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},
          {"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]})"));
    whole.content = "so";
    whole.reasoning = "hm";
    CHECK(message()["content"] == "so");
    CHECK(message()["reasoning_content"] == "hm");
}

TEST_CASE("logprobs: L02, L03 and L15, bytes, partial characters and what is not finite", "[api]") {
    engine::TokenDelta one = delta("", "\xE2\x82\xAC");
    one.logprobs = {
        {"\xE2\x82", -0.5f, {{"\xE2\x82", -0.5f}, {"a", -std::numeric_limits<float>::infinity()}}},
        {"\xAC", -1.25f, {}}};
    const json chunk = json::parse(ChunkEncoder(kHead, false, true).delta_chunk(one));
    const json& logprobs = chunk["choices"][0]["logprobs"];
    CHECK(logprobs["refusal"].is_null());
    REQUIRE(logprobs["content"].size() == 2);
    CHECK(logprobs["content"][0]["token"] == "\\xe2\\x82");
    CHECK(logprobs["content"][0]["bytes"] == json::parse("[226,130]"));
    CHECK(logprobs["content"][0]["logprob"] == -0.5);
    CHECK(logprobs["content"][0]["top_logprobs"][1]["logprob"] == -9999.0);
    CHECK(logprobs["content"][1]["bytes"] == json::parse("[172]"));
    CHECK(logprobs["content"][1]["top_logprobs"] == json::array());
    const json role = json::parse(ChunkEncoder(kHead, false, true).role_chunk());
    CHECK(role["choices"][0]["logprobs"] == json::parse(R"({"content":[],"refusal":null})"));
}

TEST_CASE("chunks: L12, what is written is one line of valid UTF-8", "[api]") {
    std::string every;
    for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
    const std::string chunk = ChunkEncoder(kHead, false, false).delta_chunk(delta(every, every));
    CHECK(chunk.find('\n') == std::string::npos);
    const json read = json::parse(chunk);  // throws on invalid UTF-8
    CHECK(read["choices"][0]["delta"]["content"].get<std::string>().substr(0, 128) ==
          every.substr(0, 128));
    std::string out;
    append_json_string(out, "\xED\xA0\x80|\xC0\x80|\xF4\x90\x80\x80|\xF0\x9F\x98\x80|\xE2\x82");
    CHECK(json::parse(out).get<std::string>().find("\xF0\x9F\x98\x80") != std::string::npos);
}

TEST_CASE("error event: carries the envelope", "[api]") {
    ApiError error = internal_error();
    CHECK(json::parse(error_event(error)) == json::parse(error_body(error)));
}
