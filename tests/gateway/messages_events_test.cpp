// What of the Messages API a client never sees as it came; test_messages.py has the rest.
#include "gateway/upstream/messages_events.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using config::FailureClass;
using gateway::EventLook;
using gateway::MessagesEvents;
using nlohmann::json;
using Kind = gateway::EventLook::Kind;

namespace {

gateway::JsonParser messages_parser;

class Heard {
public:
    explicit Heard(bool include_usage = true)
        : events_(messages_parser, {include_usage, 5,
                                    [this](std::span<const std::string> calls, std::string blocks) {
                                        kept_calls.assign(calls.begin(), calls.end());
                                        kept = std::move(blocks);
                                    }}) {
        event(
            R"({"type":"message_start","message":{"id":"msg_7","model":"m","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":0,"output_tokens":3,"service_tier":"priority"}}})");
    }
    EventLook event(const std::string& data) {
        EventLook look = events_.event({"", data});
        if (look.kind != Kind::chunk) return look;
        chunks.push_back(json::parse(look.chunk.data));
        for (const auto& chunk : look.more) chunks.push_back(json::parse(chunk.data));
        return look;
    }
    EventLook start(int index, const std::string& block) {
        return event(R"({"type":"content_block_start","index":)" + std::to_string(index) +
                     R"(,"content_block":)" + block + "}");
    }
    EventLook delta(int index, const std::string& type, const std::string& member,
                    const std::string& text) {
        return event(R"({"type":"content_block_delta","index":)" + std::to_string(index) +
                     R"(,"delta":)" + json{{"type", type}, {member, text}}.dump() + "}");
    }
    EventLook stop(int index) {
        return event(R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}");
    }
    EventLook end(const std::string& reason, const std::string& usage = R"({"output_tokens":8})") {
        return event(R"({"type":"message_delta","delta":{"stop_reason":")" + reason +
                     R"("},"usage":)" + usage + "}");
    }
    std::string joined(const char* member) const {
        std::string out;
        for (const json& chunk : chunks) {
            if (chunk["choices"].empty()) continue;
            const json& delta = chunk["choices"][0]["delta"];
            if (delta.contains(member) && delta[member].is_string())
                out += delta[member].get<std::string>();
        }
        return out;
    }
    std::vector<json> calls() const {
        std::vector<json> out;
        for (const json& chunk : chunks) {
            if (chunk["choices"].empty()) continue;
            for (const json& call : chunk["choices"][0]["delta"].value("tool_calls", json::array()))
                out.push_back(call);
        }
        return out;
    }
    const MessagesEvents& events() const { return events_; }

    std::vector<json> chunks;
    std::vector<std::string> kept_calls;
    std::string kept;

private:
    MessagesEvents events_;
};

std::string finish_of(const std::string& reason) {
    Heard heard;
    heard.start(0, R"({"type":"text","text":"a"})");
    return heard.end(reason).kind == Kind::failed ? "failed" : heard.events().finish_reason();
}

}  // namespace

TEST_CASE("messages: blocks of every kind, kept in their order for the calls", "[events]") {
    Heard heard;
    CHECK(heard.event(R"({"type":"ping"})").kind == Kind::skip);
    heard.start(0, R"({"type":"thinking","thinking":"","signature":""})");
    REQUIRE(heard.chunks.size() == 1);  // the answer has begun: no other endpoint is tried
    heard.delta(0, "thinking_delta", "thinking", "on");
    heard.delta(0, "thinking_delta", "thinking", "e");
    heard.delta(0, "signature_delta", "signature", "s1");
    heard.stop(0);
    heard.start(1, R"({"type":"redacted_thinking","data":"sealed"})");
    heard.stop(1);
    heard.start(2, R"({"type":"text","text":"h"})");
    heard.delta(2, "text_delta", "text", "ü");
    heard.stop(2);
    heard.start(3, R"({"type":"server_tool_use","id":"x","name":"web_search","input":{}})");
    heard.stop(3);
    heard.start(4, R"({"type":"thinking","thinking":"two","signature":"s2"})");
    heard.stop(4);
    heard.start(5, R"({"type":"tool_use","id":"toolu_a","name":"f","input":{}})");
    heard.delta(5, "input_json_delta", "partial_json", "");
    heard.delta(5, "input_json_delta", "partial_json", R"({"x":)");
    heard.delta(5, "input_json_delta", "partial_json", "1}");
    heard.stop(5);
    heard.start(6, R"({"type":"tool_use","id":"toolu_b","name":"g","input":{}})");
    heard.stop(6);
    CHECK_FALSE(heard.events().usage());
    heard.end("tool_use", R"({"cache_read_input_tokens":4,"input_tokens":6,"output_tokens":8})");
    CHECK(heard.event(R"({"type":"message_stop"})").kind == Kind::done);
    CHECK(heard.joined("reasoning_content") == "one\n\ntwo");
    CHECK(heard.joined("content") == "hü");
    const auto calls = heard.calls();
    REQUIRE(calls.size() == 5);
    CHECK(
        calls[0] ==
        json::parse(
            R"({"index":0,"id":"toolu_a","type":"function","function":{"name":"f","arguments":""}})"));
    CHECK(calls[1]["function"]["arguments"] == R"({"x":)");
    CHECK(calls[3]["id"] == "toolu_b");
    CHECK(calls[4] == json::parse(R"({"index":1,"function":{"arguments":"{}"}})"));
    CHECK(heard.kept_calls == std::vector<std::string>{"toolu_a", "toolu_b"});
    CHECK(
        heard.kept ==
        R"([{"type":"thinking","thinking":"one","signature":"s1"},{"type":"redacted_thinking","data":"sealed"},{"type":"text","text":"hü"},{"type":"thinking","thinking":"two","signature":"s2"},{"type":"tool_use","id":"toolu_a"},{"type":"tool_use","id":"toolu_b"}])");
    CHECK(heard.events().finish_reason() == "tool_calls");
    REQUIRE(heard.events().usage());
    CHECK(heard.events().usage()->n_prompt == 10);
    CHECK(heard.events().usage()->n_cache_read == 4);
    CHECK(heard.events().usage()->n_output == 8);
    CHECK(
        heard.chunks.back()["usage"] ==
        json::parse(
            R"({"prompt_tokens":10,"completion_tokens":8,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":4}})"));
    CHECK(heard.chunks.front()["id"] == "chatcmpl-7");
    CHECK(heard.chunks.front()["created"] == 5);
    CHECK(heard.chunks.front()["service_tier"] == "priority");
}

TEST_CASE("messages: every word that ends an answer", "[events]") {
    CHECK(finish_of("end_turn") == "stop");
    CHECK(finish_of("stop_sequence") == "stop");
    CHECK(finish_of("pause_turn") == "stop");
    CHECK(finish_of("max_tokens") == "length");
    CHECK(finish_of("model_context_window_exceeded") == "length");
    CHECK(finish_of("refusal") == "content_filter");
    CHECK(finish_of("a_new_word") == "failed");
    Heard cut;
    cut.start(0, R"({"type":"tool_use","id":"a","name":"f","input":{}})");
    cut.end("max_tokens");
    CHECK(cut.calls().size() == 1);  // nothing is made up for what was cut
    CHECK(cut.events().finish_reason() == "length");
    Heard whole_input;
    whole_input.start(0, R"({"type":"tool_use","id":"a","name":"f","input":{"x":1}})");
    whole_input.end("end_turn");
    CHECK(whole_input.calls().at(1)["function"]["arguments"] == R"({"x":1})");
    CHECK(whole_input.events().finish_reason() == "tool_calls");
    CHECK(whole_input.kept.empty());  // it did not think
}

TEST_CASE("messages: counts are cumulative, and unknown until the end", "[events]") {
    Heard heard;
    heard.start(0, R"({"type":"text","text":"a"})");
    CHECK_FALSE(heard.events().usage());
    heard.event(
        R"({"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":5}})");
    CHECK_FALSE(heard.events().all_ended());
    heard.end(
        "end_turn",
        R"({"input_tokens":3,"cache_creation_input_tokens":7,"output_tokens":6,"output_tokens_details":{"thinking_tokens":2}})");
    REQUIRE(heard.events().usage());
    CHECK(heard.events().usage()->n_prompt == 10);
    CHECK(heard.events().usage()->n_cache_write == 7);
    CHECK(heard.events().usage()->n_output == 6);
    CHECK(heard.chunks.back()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2);
    Heard silent;
    silent.start(0, R"({"type":"text","text":"a"})");
    silent.event(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"}})");
    CHECK_FALSE(silent.events().usage());
    CHECK(silent.chunks.back()["choices"][0]["finish_reason"] == "stop");
}

TEST_CASE("messages: errors in a stream have the class of their type", "[events]") {
    const auto failure_of = [](const std::string& data) {
        Heard heard;
        const EventLook look = heard.event(data);
        REQUIRE(look.kind == Kind::failed);
        return *look.failure;
    };
    const auto class_of = [&](const std::string& type) {
        return failure_of(R"({"type":"error","error":{"type":")" + type + R"(","message":"m"}})")
            .failure;
    };
    CHECK(class_of("overloaded_error") == FailureClass::overloaded);
    CHECK(class_of("rate_limit_error") == FailureClass::rate_limit);
    CHECK(class_of("authentication_error") == FailureClass::credential);
    CHECK(class_of("billing_error") == FailureClass::quota);
    CHECK(class_of("api_error") == FailureClass::server_error);
    CHECK(class_of("timeout_error") == FailureClass::server_error);
    CHECK(class_of("not_found_error") == FailureClass::model_gone);
    CHECK(class_of("invalid_request_error") == FailureClass::caller_fault);
    CHECK(class_of("request_too_large") == FailureClass::caller_fault);
    CHECK(failure_of("{\"type\":").failure == FailureClass::malformed);
    CHECK(failure_of("[1]").failure == FailureClass::malformed);
}

TEST_CASE("messages: what a hostile server makes up stays bounded", "[events]") {
    Heard heard;
    const std::string long_name(300, 'x');
    heard.start(0, R"({"type":"tool_use","id":")" + long_name + R"(","name":"f","input":{}})");
    CHECK(heard.calls().at(0)["id"].get<std::string>().starts_with("call_"));
    EventLook look;
    for (int i = 1; i < 100 && look.kind != Kind::failed; ++i)
        look = heard.start(i, R"({"type":"text","text":""})");
    REQUIRE(look.kind == Kind::failed);
    CHECK(look.failure->failure == FailureClass::malformed);

    Heard talker;  // more than is kept: then nothing of it is
    const std::string much(1 << 20, 'y');
    talker.start(0, R"({"type":"thinking","thinking":"","signature":"s"})");
    for (int i = 0; i < 5; ++i) talker.delta(0, "thinking_delta", "thinking", much);
    talker.stop(0);
    talker.start(1, R"({"type":"tool_use","id":"a","name":"f","input":{}})");
    talker.end("tool_use");
    CHECK(talker.kept.empty());
    CHECK(talker.joined("reasoning_content").size() == 5 * much.size());

    Heard early;  // of a text that has not begun another endpoint may still be tried
    CHECK(early.start(0, R"({"type":"text","text":""})").kind == Kind::skip);

    Heard late;  // behind its end nothing is heard
    late.start(0, R"({"type":"text","text":"a"})");
    late.end("end_turn");
    CHECK(late.delta(0, "text_delta", "text", "b").kind == Kind::skip);
    CHECK(late.start(1, R"({"type":"text","text":"b"})").kind == Kind::skip);
}

TEST_CASE("messages: an unstreamed answer is a message with an end", "[events]") {
    const auto whole = [](std::string body) {
        MessagesEvents events(messages_parser, {});
        return events.whole(std::move(body));
    };
    CHECK(whole("{}").failure->failure == FailureClass::malformed);
    CHECK(whole("nothing").failure->failure == FailureClass::malformed);
    CHECK(whole(R"({"type":"message","content":[],"stop_reason":null})").failure->failure ==
          FailureClass::malformed);
    CHECK(whole(R"({"type":"error","error":{"type":"overloaded_error"}})").failure->failure ==
          FailureClass::overloaded);
    CHECK(whole(R"({"choices":[]})").failure->failure == FailureClass::malformed);
    const EventLook empty = whole(
        R"({"type":"message","id":"msg_1","model":"m","content":[],"stop_reason":"end_turn"})");
    REQUIRE(empty.kind == Kind::chunk);
    CHECK(json::parse(empty.chunk.data)["choices"][0]["message"]["content"] == "");
    const EventLook full = whole(
        R"({"type":"message","id":"msg_1","model":"m","content":[{"type":"thinking","thinking":"a"},{"type":"thinking","thinking":"b"},{"type":"text","text":"c"},{"type":"text","text":"d"},{"type":"tool_use","id":"t","name":"f","input":{ "x" : 1 }}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}})");
    REQUIRE(full.kind == Kind::chunk);
    const json choice = json::parse(full.chunk.data)["choices"][0];
    CHECK(choice["message"]["content"] == "cd");
    CHECK(choice["message"]["reasoning_content"] == "a\n\nb");
    CHECK(choice["message"]["tool_calls"][0]["function"]["arguments"] == R"({"x":1})");
    CHECK(choice["finish_reason"] == "tool_calls");
    CHECK(full.chunk.n_reasoning_bytes == 4);
    CHECK(full.chunk.n_text_bytes == 13);
}
