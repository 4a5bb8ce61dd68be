// What servers of the Responses API say differently from OpenAI; test_responses.py has the rest.
#include "gateway/upstream/responses_events.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using config::FailureClass;
using gateway::EventLook;
using gateway::ResponsesEvents;
using nlohmann::json;
using Kind = gateway::EventLook::Kind;

namespace {

gateway::JsonParser parser;

class Read {
public:
    explicit Read(bool logprobs = false)
        : events_(parser,
                  {true, logprobs, [this](std::span<const std::string> calls, std::string items) {
                       kept_calls.assign(calls.begin(), calls.end());
                       kept = std::move(items);
                   }}) {
        event(
            R"({"type":"response.created","response":{"id":"resp_7","created_at":5,"model":"m","service_tier":"auto"}})");
    }
    EventLook event(const std::string& data) {
        EventLook look = events_.event({"", data});
        if (look.kind != Kind::chunk) return look;
        deltas.push_back(json::parse(look.chunk.data));
        for (const auto& chunk : look.more) deltas.push_back(json::parse(chunk.data));
        return look;
    }
    EventLook end(const std::string& members = R"("status":"completed")") {
        return event(R"({"type":"response.completed","response":{)" + members + "}}");
    }
    std::string joined(const char* member) const {
        std::string out;
        for (const json& chunk : deltas) {
            if (chunk["choices"].empty()) continue;
            const json& delta = chunk["choices"][0]["delta"];
            if (delta.contains(member) && delta[member].is_string())
                out += delta[member].get<std::string>();
        }
        return out;
    }
    std::string finish() const { return events_.finish_reason(); }
    const ResponsesEvents& events() const { return events_; }

    std::vector<json> deltas;
    std::vector<std::string> kept_calls;
    std::string kept;

private:
    ResponsesEvents events_;
};

}  // namespace

TEST_CASE("responses: whole items where no delta came", "[events]") {
    Read read;
    read.event(
        R"({"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[]}})");
    read.event(
        R"({"type":"response.output_item.added","output_index":1,"item":{"type":"message","content":[]}})");
    read.event(
        R"({"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"h\u00fc"},{"type":"output_text","text":"!"}]}})");
    read.event(
        R"({"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"a","name":"f","arguments":""}})");
    read.event(
        R"({"type":"response.function_call_arguments.done","output_index":2,"arguments":"{}"})");
    read.event(
        R"({"type":"response.output_item.done","output_index":3,"item":{"type":"function_call","call_id":"b","name":"g","arguments":"{\"x\":1}"}})");
    const EventLook last = read.end(
        R"("status":"completed","usage":{"input_tokens":9,"output_tokens":4,"input_tokens_details":{"cached_tokens":3},"output_tokens_details":{"reasoning_tokens":1}})");
    CHECK(last.is_last);
    CHECK(read.finish() == "tool_calls");
    CHECK(read.joined("content") == "hü!");
    CHECK(read.kept_calls == std::vector<std::string>{"a", "b"});
    CHECK(read.kept == R"([{"type":"reasoning","id":"rs_1","summary":[]}])");
    std::vector<json> calls;
    for (const json& chunk : read.deltas) {
        if (chunk["choices"].empty()) continue;
        for (const json& call : chunk["choices"][0]["delta"].value("tool_calls", json::array()))
            calls.push_back(call);
    }
    REQUIRE(calls.size() == 3);
    CHECK(calls[0]["id"] == "a");
    CHECK(calls[1] == json::parse(R"({"index":0,"function":{"arguments":"{}"}})"));
    CHECK(
        calls[2] ==
        json::parse(
            R"({"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{\"x\":1}"}})"));
    REQUIRE(read.events().usage());
    CHECK(read.events().usage()->n_prompt == 9);
    CHECK(read.events().usage()->n_cache_read == 3);
    CHECK(read.events().usage()->n_reasoning == 1);
    CHECK(read.deltas.back()["usage"]["total_tokens"] == 13);
    CHECK(read.deltas.front()["id"] == "chatcmpl-7");
}

TEST_CASE("responses: refusals, parts of a summary, logprobs", "[events]") {
    Read read(true);
    read.event(R"({"type":"response.reasoning_summary_part.added","summary_index":0})");
    read.event(R"({"type":"response.reasoning_summary_text.delta","delta":"one"})");
    read.event(R"({"type":"response.reasoning_summary_part.added","summary_index":1})");
    read.event(R"({"type":"response.reasoning_summary_text.delta","delta":"two"})");
    CHECK(read.event(R"({"type":"keepalive"})").kind == Kind::skip);
    CHECK(read.event("[DONE]").kind == Kind::skip);
    read.event(
        R"({"type":"response.output_text.delta","delta":"a","logprobs":[{"token":"a","logprob":-1,"top_logprobs":[]}]})");
    CHECK(read.deltas.back()["choices"][0]["logprobs"]["content"][0] ==
          json::parse(R"({"token":"a","logprob":-1,"top_logprobs":[],"bytes":null})"));
    read.event(R"({"type":"response.output_text.delta","delta":"b","logprobs":["b",{}]})");
    CHECK(read.deltas.back()["choices"][0]["logprobs"]["content"] ==
          json::parse(R"([{"bytes":null}])"));
    read.event(R"({"type":"response.refusal.delta","delta":"no"})");
    CHECK(read.joined("reasoning_content") == "one\n\ntwo");
    CHECK(read.joined("refusal") == "no");
    read.end(R"("status":"incomplete","incomplete_details":{"reason":"content_filter"})");
    CHECK(read.finish() == "content_filter");
}

TEST_CASE("responses: errors, flat, nested and as an end", "[events]") {
    const auto failure_of = [](const std::string& data) {
        Read read;
        const EventLook look = read.event(data);
        REQUIRE(look.kind == Kind::failed);
        return look.failure->failure;
    };
    CHECK(failure_of(R"({"type":"error","code":"rate_limit_exceeded","message":"m"})") ==
          FailureClass::rate_limit);
    CHECK(failure_of(R"({"type":"error","error":{"code":"insufficient_quota"}})") ==
          FailureClass::quota);
    CHECK(
        failure_of(
            R"({"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}})") ==
        FailureClass::server_error);
    CHECK(failure_of("{\"type\":") == FailureClass::malformed);
    CHECK(failure_of("[1]") == FailureClass::malformed);
    CHECK(failure_of(R"({"type":"response.completed","response":{"status":"odd"}})") ==
          FailureClass::malformed);
}

TEST_CASE("responses: an unstreamed answer is a response with an end", "[events]") {
    const auto whole = [](std::string body) {
        ResponsesEvents events(parser, {});
        return events.whole(std::move(body));
    };
    CHECK(whole("{}").kind == Kind::failed);
    CHECK(whole("nothing").kind == Kind::failed);
    CHECK(whole(R"({"object":"response","status":"in_progress"})").kind == Kind::failed);
    CHECK(whole(R"({"object":"response","status":"completed"})").kind == Kind::failed);
    CHECK(whole(R"({"error":{"code":"insufficient_quota"}})").failure->failure ==
          FailureClass::quota);
    const EventLook refused = whole(
        R"({"object":"response","id":"resp_1","created_at":2,"model":"m","status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]})");
    REQUIRE(refused.kind == Kind::chunk);
    const json message = json::parse(refused.chunk.data)["choices"][0]["message"];
    CHECK(message["content"].is_null());
    CHECK(message["refusal"] == "no");
    CHECK(refused.chunk.n_text_bytes == 2);
}
