#include "gateway/upstream/chat_events.h"

#include <catch2/catch.hpp>

#include "gateway/upstream/json_parser.h"
#include "gateway/upstream/kept_reasoning.h"

using config::FailureClass;
using gateway::ChatEvents;
using gateway::EventLook;
using Kind = gateway::EventLook::Kind;

namespace {

gateway::JsonParser parser;

EventLook look(ChatEvents& events, const std::string& data, const std::string& type = "") {
    return events.event({type, data});
}

std::string passed(const std::string& data, bool include_usage) {
    ChatEvents events(parser, 1, include_usage);
    const EventLook seen = look(events, data);
    REQUIRE(seen.kind == Kind::chunk);
    return seen.chunk.data;
}

const std::string kText =
    R"({"choices":[{"index":0,"delta":{"content":"h\u00fc"},"finish_reason":null}]})";
const std::string kStop = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

}  // namespace

TEST_CASE("chat events: a tap hears the reasoning of an answer that calls tools", "[events]") {
    std::vector<std::string> calls;
    std::string heard;
    const auto tapped = [&](const std::vector<std::string>& deltas, const std::string& finish,
                            bool follows_results = false) {
        calls.clear();
        heard.clear();
        ChatEvents events(parser, 2, false);
        events.tap(
            [&](std::span<const std::string> ids, std::string reasoning) {
                calls.assign(ids.begin(), ids.end());
                heard = std::move(reasoning);
            },
            follows_results);
        for (const std::string& delta : deltas)
            look(events,
                 R"({"choices":[{"index":0,"delta":)" + delta + R"(,"finish_reason":null}]})");
        look(events, R"({"choices":[{"index":1,"delta":{"reasoning_content":"not I"}}]})");
        look(events, R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + finish + "\"}]}");
    };
    const std::string thinks = R"({"reasoning_content":"why "})";
    const std::string thinks_too = R"({"reasoning":"so"})";
    const std::string call = R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]})";
    const std::string more =
        R"({"tool_calls":[{"index":0,"function":{"arguments":"{}"}},{"index":1,"id":"b","function":{"name":"g"}}]})";
    tapped({thinks, thinks_too, call, more}, "tool_calls");
    CHECK(heard == "why so");
    CHECK(calls == std::vector<std::string>{"a", "b"});
    tapped({thinks}, "stop");
    CHECK(calls.empty());
    tapped({call}, "tool_calls");
    CHECK(calls.empty());
    const std::string says = R"({"content":"it is \"so\""})";
    tapped({thinks, says}, "stop");
    CHECK(calls.empty());
    tapped({thinks, says}, "stop", true);
    CHECK(heard == "why ");
    CHECK(calls == std::vector{gateway::name_of_answer("it is \"so\"")});
    tapped({thinks, says, call}, "tool_calls", true);
    CHECK(calls == std::vector<std::string>{"a"});
}

TEST_CASE("chat events: ever new calls and indices come to an end", "[events]") {
    ChatEvents events(parser, 1, false);
    for (int i = 0; i < 3'000; ++i) {
        const std::string n = std::to_string(i * 7);
        const EventLook seen = look(
            events, R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":)" + n +
                        R"(,"id":"c)" + n + R"(","function":{"name":"f","arguments":"{}"}}]}}]})");
        REQUIRE(seen.kind == Kind::chunk);
        const size_t at = seen.chunk.data.find(R"("tool_calls":[{"index":)") + 23;
        REQUIRE(std::stoi(seen.chunk.data.substr(at, 6)) < 1'024);
    }
}

TEST_CASE("chat events: bytes pass unchanged, usage is read wherever it stands", "[events]") {
    ChatEvents events(parser, 1, true);
    const std::string spaced =
        R"( { "id":null, "choices" : [ {"index":0,"delta":{"content":"a","reasoning_content":"bc"},"finish_reason":null}],"usage":null} )";
    const EventLook first = look(events, spaced);
    REQUIRE(first.kind == Kind::chunk);
    CHECK(first.chunk.data == spaced.substr(1, spaced.size() - 2));
    CHECK(first.chunk.n_text_bytes == 3);
    CHECK(first.chunk.n_reasoning_bytes == 2);
    CHECK_FALSE(first.chunk.usage_only);
    const EventLook beside = look(
        events,
        R"({"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":5,"completion_tokens":1}})");
    CHECK(beside.chunk.data == R"({"choices":[{"index":0,"delta":{}}],"usage":null})");
    REQUIRE(events.usage());
    CHECK(events.usage()->n_prompt == 5);
    CHECK(look(events, R"({"choices":[],"usage":null})").kind == Kind::skip);
    look(
        events,
        R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":6,"completion_tokens":2}}]})");
    CHECK(events.usage()->n_prompt == 6);
    const EventLook last = look(
        events,
        R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}})");
    CHECK(last.chunk.usage_only);
    CHECK(events.usage()->n_prompt == 9);
    CHECK(events.usage()->n_output == 4);
    CHECK(events.usage()->n_cache_read == 3);
    CHECK(events.usage()->n_cache_write == 2);
    CHECK(events.usage()->n_reasoning == 1);
}

TEST_CASE("chat events: DeepSeek's cache hit, and impossible counts", "[events]") {
    ChatEvents events(parser, 1, true);
    look(
        events,
        R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4,"prompt_cache_hit_tokens":5}})");
    CHECK(events.usage()->n_cache_read == 5);
    for (const char* bad : {R"("prompt_tokens":-1)", R"("prompt_tokens":1.5)",
                            R"("total_tokens":3)", R"("prompt_tokens":"9")"}) {
        look(events, std::string(R"({"choices":[],"usage":{)") + bad + "}}");
        CHECK(events.usage()->n_prompt == 7);
    }
    look(events,
         R"({"choices":[],"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":1}})");
    CHECK(events.usage()->n_prompt == 1'000'000'000'000'000);
}

TEST_CASE("chat events: a client that did not ask for usage sees none", "[events]") {
    CHECK(
        passed(
            R"({"a":1,"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"usage":null,"b":2})",
            false) ==
        R"({"a":1,"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"b":2})");
    CHECK(
        passed(
            R"({"usage":{"prompt_tokens":1},"choices":[{"index":0,"delta":{"content":"\"usage\":null"}}]})",
            false) == R"({"choices":[{"index":0,"delta":{"content":"\"usage\":null"}}]})");
    CHECK(passed(R"({"choices":[{"index":0,"delta":{}}]})", true) ==
          R"({"choices":[{"index":0,"delta":{}}],"usage":null})");
    CHECK(passed(R"({"choices":[{"index":0,"delta":{}}],"usage":null})", true) ==
          R"({"choices":[{"index":0,"delta":{}}],"usage":null})");
    CHECK(passed(R"({"choices":null,"usage":{"prompt_tokens":1}})", true) ==
          R"({"choices":[],"usage":{"prompt_tokens":1}})");
    CHECK(passed(R"({"usage":{"prompt_tokens":1}})", true) ==
          R"({"usage":{"prompt_tokens":1},"choices":[]})");
}

TEST_CASE("chat events: line ends between tokens become blanks", "[events]") {
    CHECK(passed("{\"choices\":[\n{\"index\":0,\r\n\"delta\":{\"content\":\"a\\nb\"}}]}", false) ==
          "{\"choices\":[ {\"index\":0,  \"delta\":{\"content\":\"a\\nb\"}}]}");
}

TEST_CASE("chat events: finish reasons come down to the known ones", "[events]") {
    const auto finish = [](const std::string& said) {
        return R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + said + "\"}]}";
    };
    const std::pair<const char*, const char*> cases[] = {
        {"eos", "stop"},  {"end_turn", "stop"},         {"max_tokens", "length"},
        {"stop", "stop"}, {"tool_calls", "tool_calls"}, {"content_filter", "content_filter"}};
    for (const auto& [said, known] : cases) {
        ChatEvents events(parser, 1, false);
        CHECK(look(events, finish(said)).chunk.data == finish(known));
        CHECK(events.finish_reason() == known);
        CHECK(events.all_ended());
        CHECK(events.asked_ended());
    }
    ChatEvents open(parser, 1, false);
    CHECK(look(open, finish("")).chunk.data ==
          R"({"choices":[{"index":0,"delta":{},"finish_reason":null}]})");
    CHECK_FALSE(open.all_ended());
    ChatEvents early(parser, 1, false);
    CHECK(look(early, finish("insufficient_system_resource")).failure->failure ==
          FailureClass::server_error);
    ChatEvents late(parser, 1, false);
    look(late, kText);
    CHECK(look(late, finish("insufficient_system_resource")).failure->failure == FailureClass::cut);
    CHECK(look(late, finish("zzz")).failure->failure == FailureClass::malformed);
}

TEST_CASE("chat events: chunks about nothing, and members that move", "[events]") {
    ChatEvents events(parser, 1, true);
    const auto said = [](const std::string& id, const std::string& created) {
        return R"({"id":)" + id + R"(,"created":)" + created +
               R"(,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{}}],"usage":null})";
    };
    CHECK(look(events, R"({"id":"","object":"","created":0,"model":"","choices":[]})").kind ==
          Kind::skip);
    CHECK(look(events, said("\"a\"", "5")).chunk.data == said("\"a\"", "5"));
    for (const char* const id : {"\"b\"", "7", "null", "{}"})
        CHECK(look(events, said(id, "6")).chunk.data == said("\"a\"", "5"));
    CHECK(
        look(events, R"({"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})")
            .chunk.data ==
        R"({"id":"a","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})");
    CHECK(
        look(events, R"({"id":"a","created":"x","choices":[{"index":0,"delta":{}}]})").chunk.data ==
        R"({"id":"a","created":5,"choices":[{"index":0,"delta":{}}],"usage":null})");
}

TEST_CASE("chat events: errors, pings and garbage", "[events]") {
    ChatEvents events(parser, 1, true);
    CHECK(look(events, R"({"error":{"message":"m","code":"rate_limit_exceeded"}})")
              .failure->failure == FailureClass::rate_limit);
    CHECK(
        look(events, R"({"message":"m","code":"insufficient_quota"})", "error").failure->failure ==
        FailureClass::quota);
    CHECK(look(events, R"({"error":"boom"})").failure->failure == FailureClass::server_error);
    CHECK(look(events, R"({"error":null,"choices":[{"index":0,"delta":{}}]})").kind == Kind::chunk);
    CHECK(look(events, R"({"type":"ping"})").kind == Kind::skip);
    CHECK(look(events, "").kind == Kind::skip);
    CHECK(look(events, "[DONE]").kind == Kind::done);
    CHECK(look(events, " [DONE] ").kind == Kind::done);
    for (const char* bad : {"{", "[1]", "nonsense", "{\"choices\":5}", "{\"choices\":[1]}",
                            "{\"choices\":[{\"index\":-1}]}", "{\"choices\":[{\"index\":128}]}",
                            "{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}"}) {
        INFO(bad);
        const EventLook seen = look(events, bad);
        CHECK(seen.kind == Kind::failed);
        CHECK(seen.failure->failure == FailureClass::malformed);
    }
}

TEST_CASE("chat events: with several choices each has to end", "[events]") {
    ChatEvents events(parser, 2, true);
    look(events, kStop);
    CHECK(events.all_ended());
    CHECK_FALSE(events.asked_ended());
    look(events, R"({"choices":[{"index":1,"delta":{"content":"x"},"finish_reason":null}]})");
    CHECK_FALSE(events.all_ended());
    look(events, R"({"choices":[{"index":1,"delta":{},"finish_reason":"length"}]})");
    CHECK(events.asked_ended());
    CHECK(events.finish_reason() == "stop");
}

TEST_CASE("chat events: a role once, no empty content, reasoning by one name", "[events]") {
    ChatEvents events(parser, 2, false);
    const auto chunk = [](const std::string& delta, int index = 0) {
        return R"({"choices":[{"index":)" + std::to_string(index) + R"(,"delta":)" + delta +
               R"(,"finish_reason":null}]})";
    };
    const auto after = [&](const std::string& delta, int index = 0) {
        return look(events, chunk(delta, index)).chunk.data;
    };
    const std::string opening = R"({"role":"assistant","content":""})";
    CHECK(after(opening) == chunk(opening));
    CHECK(after(opening, 1) == chunk(opening, 1));  // of each choice
    CHECK(after(R"({"role":"assistant","content":"x"})") == chunk(R"({"content":"x"})"));
    CHECK(after(R"({"content":"","refusal":"no"})") == chunk(R"({"refusal":"no"})"));
    CHECK(after(R"({"content":null,"reasoning_content":"x"})") ==
          chunk(R"({"content":null,"reasoning_content":"x"})"));
    CHECK(after(R"({"reasoning":"\"h\u00fcm\""})") ==
          chunk("{\"reasoning_content\":\"\\\"h\xC3\xBCm\\\"\"}"));
    for (const char* const nothing : {R"({"content":""})", R"({"role":"assistant","content":""})"})
        CHECK(look(events, chunk(nothing)).kind == Kind::skip);
    CHECK(after("{}") == chunk("{}"));
    CHECK(look(events, R"({"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]})")
              .chunk.data == kStop);
    CHECK(look(events,
               R"({"choices":[{"index":1,"delta":{"content":""},"logprobs":{"content":[]}}]})")
              .chunk.data == R"({"choices":[{"index":1,"delta":{},"logprobs":{"content":[]}}]})");
}

namespace {

// The entries of tool_calls that a client sees of these, in a stream of one choice.
std::string calls(ChatEvents& events, const std::string& list) {
    const std::string head = R"({"choices":[{"index":0,"delta":{"tool_calls":[)";
    const std::string data = look(events, head + list + "]},\"finish_reason\":null}]}").chunk.data;
    return data.substr(head.size(), data.rfind(']', data.size() - 26) - head.size());
}

}  // namespace

TEST_CASE("chat events: tool calls get an index that says which call it is", "[events]") {
    ChatEvents events(parser, 1, false);
    CHECK(calls(events, R"({"id":"a","type":"function","function":{"arguments":""}})") ==
          R"({"id":"a","type":"function","function":{"arguments":""},"index":0})");
    CHECK(calls(events, R"({"function":{"arguments":"1"}})") ==
          R"({"function":{"arguments":"1"},"index":0})");
    CHECK(calls(events, R"({"id":"b","type":"function","index":0},{"id":"a"})") ==
          R"({"id":"b","type":"function","index":1},{"index":0})");
    CHECK(calls(events, R"({"index":0,"function":{"arguments":"2"}})") ==
          R"({"index":0,"function":{"arguments":"2"}})");
    ChatEvents good(parser, 1, false);
    const std::string same =
        R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}},{"index":1,"id":"b"})";
    CHECK(calls(good, same) == same);
    ChatEvents from_one(parser, 1, false);
    CHECK(
        look(
            from_one,
            R"({"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"xyz"}}]}}]})")
            .chunk.n_text_bytes == 3);
    CHECK(calls(from_one, R"({"index":2,"id":"b"},{"index":1,"function":{"arguments":"1"}})") ==
          R"({"index":1,"id":"b"},{"index":0,"function":{"arguments":"1"}})");
    // An id that comes after its call's first piece names no other call.
    CHECK(calls(from_one, R"({"index":1,"id":"a","function":{"name":"f"}})") ==
          R"({"index":0,"function":{"name":"f"}})");
}

TEST_CASE("chat events: a call's head comes once, its arguments are text", "[events]") {
    ChatEvents events(parser, 1, false);
    CHECK(
        calls(
            events,
            R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}})") ==
        R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}})");
    CHECK(
        calls(
            events,
            R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"}"}})") ==
        R"({"index":0,"function":{"arguments":"}"}})");
    CHECK(
        calls(events,
              R"({"index":1,"id":"b","function":{"name":"g","arguments":{ "x": [1, "y z"] }}})") ==
        R"({"index":1,"id":"b","function":{"name":"g","arguments":"{\"x\":[1,\"y z\"]}"},"type":"function"})");
    const std::string minted = calls(events, R"({"index":2,"function":{"name":"h"}})");
    CHECK(minted.starts_with(R"({"index":2,"function":{"name":"h"},"id":"call_)"));
    CHECK(minted.size() ==
          std::string(R"({"index":2,"function":{"name":"h"},"id":"call_","type":"function"})")
                  .size() +
              24);

    // h has said nothing when the answer ends: its arguments come before.
    const EventLook end =
        look(events, R"({"id":"i","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
    REQUIRE(end.more.size() == 1);
    CHECK(end.more[0].data ==
          R"({"id":"i","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})");
    CHECK(
        end.chunk.data ==
        R"({"id":"i","choices":[{"index":0,"delta":{"tool_calls":[{"index":2,"function":{"arguments":"{}"}}]},"finish_reason":null}]})");
    CHECK(events.finish_reason() == "tool_calls");

    // What the limit has cut stays cut.
    ChatEvents cut(parser, 1, false);
    calls(cut, R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})");
    CHECK(
        look(cut, R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})").more.empty());

    ChatEvents none(parser, 1, false);
    CHECK(look(none, R"({"choices":[{"index":0,"delta":{"tool_calls":[]},"finish_reason":null}]})")
              .kind == Kind::skip);
    CHECK(look(none, kStop).chunk.data == kStop);
}

TEST_CASE("chat events: ever new calls are numbered up to a bound", "[events]") {
    ChatEvents events(parser, 1, false);
    for (int i = 0; i < 3000; ++i) {
        const std::string id = std::to_string(i);
        calls(events, R"({"index":)" + id + R"(,"id":")" + id + R"("})");
    }
    CHECK(calls(events, R"({"index":5000,"id":"x","function":{"arguments":"1"}})") ==
          R"({"index":1023,"function":{"arguments":"1"}})");
}

TEST_CASE("chat events: calls of whole answers", "[events]") {
    const auto message = [](const std::string& list, const std::string& finish) {
        ChatEvents events(parser, 1, false);
        return events
            .whole(R"({"choices":[{"index":0,"message":{"tool_calls":[)" + list +
                   R"(]},"finish_reason":")" + finish + "\"}]}")
            .chunk.data;
    };
    CHECK(
        message(R"({"id":"a","type":"function","function":{"name":"f","arguments":""}})", "stop") ==
        R"({"choices":[{"index":0,"message":{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]})");
    const std::string cut =
        R"({"id":"a","type":"function","function":{"name":"f","arguments":""}})";
    CHECK(message(cut, "length") == R"({"choices":[{"index":0,"message":{"tool_calls":[)" + cut +
                                        R"(]},"finish_reason":"length"}]})");
    CHECK(message("", "stop") ==
          R"({"choices":[{"index":0,"message":{},"finish_reason":"stop"}]})");
    CHECK(
        message(R"({"id":"a","type":"custom","custom":{"name":"f","input":""}})", "tool_calls") ==
        R"({"choices":[{"index":0,"message":{"tool_calls":[{"id":"a","type":"custom","custom":{"name":"f","input":""}}]},"finish_reason":"tool_calls"}]})");
}

TEST_CASE("chat events: whole answers", "[events]") {
    const std::string good =
        R"({"choices":[{"index":0,"message":{"content":"hi","reasoning":"hm"},"finish_reason":"eos"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})";
    ChatEvents events(parser, 1, false);
    const EventLook seen = events.whole("\n \r\n" + good + "\n");
    REQUIRE(seen.kind == Kind::chunk);
    CHECK(seen.chunk.data.find(R"("finish_reason":"stop")") != std::string::npos);
    CHECK(seen.chunk.data.find("\"usage\"") != std::string::npos);
    CHECK(seen.chunk.data.find(R"({"content":"hi","reasoning_content":"hm"})") !=
          std::string::npos);
    CHECK(seen.chunk.n_text_bytes == 4);
    CHECK(events.finish_reason() == "stop");
    CHECK(events.usage()->n_output == 2);
    for (const char* bad :
         {"", "{}", "[]", "{\"choices\":[]}", "{\"choices\":[{\"message\":{}}]}", "<html>"}) {
        ChatEvents each(parser, 1, false);
        CHECK(each.whole(bad).failure->failure == FailureClass::malformed);
        CHECK(each.whole(bad).kind == Kind::failed);
    }
    ChatEvents error(parser, 1, false);
    CHECK(error.whole(R"({"error":{"code":"context_length_exceeded","message":"long"}})")
              .failure->message == "long");
}
