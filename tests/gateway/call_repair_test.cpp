#include "gateway/upstream/call_repair.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "gateway/upstream/chat_events.h"
#include "gateway/upstream/json_parser.h"
#include "gateway/upstream/leaked_calls.h"
#include "gateway/upstream/object_scan.h"

using namespace gateway;
using nlohmann::json;

namespace {

JsonParser parser;

const std::vector<std::string> kTools{"get_weather", "get_time"};

const std::string kOneCall =
    "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"get_weather\">\n"
    "<｜DSML｜parameter name=\"city\" string=\"true\">Oslo \"x\" <b></｜DSML｜parameter>\n"
    "<｜DSML｜parameter name=\"days\" string=\"false\">[1, 2]</｜DSML｜parameter>\n"
    "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
const std::string kItsArguments = R"({"city":"Oslo \"x\" <b>","days":[1,2]})";

ChatRequest with_tools() {
    ChatRequest request;
    request.body = R"({"tools":[{"type":"function","function":{"name":"get_weather"}},)"
                   R"({"type":"function","function":{"name":"get_time"}}]})";
    request.members = object_members(request.body);
    request.has_tools = true;
    return request;
}

struct Answer {
    std::string content;
    std::vector<std::pair<std::string, std::string>> calls;
    std::string finish_reason;
    int64_t n_text_bytes = 0;
    int n_chunks = 0;
};

void take(const ChatChunk& chunk, Answer& answer) {
    ++answer.n_chunks;
    answer.n_text_bytes += chunk.n_text_bytes;
    const json document = json::parse(chunk.data);
    const json& choice = document["choices"].at(0);
    const json& delta = choice["delta"];
    CHECK(!(delta.contains("content") && delta["content"] == ""));
    if (delta.contains("content")) answer.content += delta["content"].get<std::string>();
    if (delta.contains("tool_calls")) {
        for (const json& call : delta["tool_calls"]) {
            CHECK(call["index"] == answer.calls.size());
            CHECK(call["id"].get<std::string>().starts_with("call_"));
            answer.calls.emplace_back(call["function"]["name"], call["function"]["arguments"]);
        }
    }
    if (choice["finish_reason"].is_string()) answer.finish_reason = choice["finish_reason"];
}

Answer streamed(const std::vector<std::string>& texts, const std::string& finish = "stop") {
    const ChatRequest request = with_tools();
    CallRepair repair(std::make_unique<ChatEvents>(parser, 1, false), request);
    Answer answer;
    const auto say = [&](const json& delta, const json& reason) {
        const json chunk{
            {"choices", {{{"index", 0}, {"delta", delta}, {"finish_reason", reason}}}}};
        const EventLook look = repair.event({"", chunk.dump()});
        REQUIRE(look.kind != EventLook::Kind::failed);
        if (look.kind != EventLook::Kind::chunk) return;
        take(look.chunk, answer);
        for (const ChatChunk& more : look.more) take(more, answer);
    };
    for (const std::string& text : texts) say({{"content", text}}, nullptr);
    say(json::object(), finish);
    CHECK(repair.finish_reason() == answer.finish_reason);
    CHECK(repair.all_ended());
    return answer;
}

Answer whole(const std::string& text, const std::string& finish = "stop") {
    const ChatRequest request = with_tools();
    CallRepair repair(std::make_unique<ChatEvents>(parser, 1, false), request);
    const json body{{"choices",
                     {{{"index", 0},
                       {"message", {{"role", "assistant"}, {"content", text}}},
                       {"finish_reason", finish}}}}};
    const EventLook look = repair.whole(body.dump());
    REQUIRE(look.kind == EventLook::Kind::chunk);
    const json choice = json::parse(look.chunk.data)["choices"][0];
    Answer answer;
    if (choice["message"]["content"].is_string()) answer.content = choice["message"]["content"];
    if (choice["message"].contains("tool_calls")) {
        for (const json& call : choice["message"]["tool_calls"])
            answer.calls.emplace_back(call["function"]["name"], call["function"]["arguments"]);
    }
    answer.finish_reason = choice["finish_reason"];
    CHECK(repair.finish_reason() == answer.finish_reason);
    return answer;
}

}  // namespace

TEST_CASE("call repair: a leaked call is a call, wherever its chunks are split", "[events]") {
    const std::string text = "Let me look.\n\n" + kOneCall + "\n";
    for (size_t at = 0; at <= text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(at < text.size() ? text[at] : 0);
        if ((byte & 0xC0) == 0x80) continue;  // servers send whole characters
        const Answer answer = streamed({text.substr(0, at), text.substr(at)});
        CHECK(answer.content.starts_with("Let me look."));
        CHECK(answer.content.find("DSML") == std::string::npos);
        REQUIRE(answer.calls.size() == 1);
        CHECK(answer.calls[0] == std::pair<std::string, std::string>("get_weather", kItsArguments));
        CHECK(answer.finish_reason == "tool_calls");
        CHECK(answer.n_text_bytes == static_cast<int64_t>(text.size()));
    }
    const Answer answer = whole(text);
    CHECK(answer.content == "Let me look.");
    CHECK(answer.calls.size() == 1);
    CHECK(answer.finish_reason == "tool_calls");
}

TEST_CASE("call repair: text that is none stays as it came", "[events]") {
    for (const std::string text :
         {"a < b, a <｜ b and <｜DSM end", "<", "<｜DSML", "x \n\n<｜DSML｜ x", "<b>bold</b>",
          "<｜DSML｜invoke name=\"unknown\"></｜DSML｜invoke>"}) {
        CHECK(whole(text).content == text);
        std::vector<std::string> characters;
        for (const char c : text) {
            if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) characters.emplace_back();
            characters.back() += c;
        }
        for (const Answer& answer : {streamed({text}), streamed(characters)}) {
            CHECK(answer.content == text);
            CHECK(answer.calls.empty());
            CHECK(answer.finish_reason == "stop");
        }
    }
    // What has no mark passes with its chunks.
    CHECK(streamed({"one", " two", " three"}).n_chunks == 4);
}

TEST_CASE("call repair: a limit in a call leaves the whole ones", "[events]") {
    const std::string cut =
        "<｜DSML｜invoke name=\"get_time\">\n<｜DSML｜parameter name=\"zone\" str";
    const Answer second =
        streamed({"Hm. ", kOneCall.substr(0, kOneCall.rfind("\n</")), cut}, "length");
    CHECK(second.content == "Hm. ");
    CHECK(second.calls.size() == 1);
    CHECK(second.finish_reason == "length");
    const Answer only = streamed({"Hm. ", cut}, "length");
    CHECK(only.content == "Hm. ");
    CHECK(only.calls.empty());
    CHECK(only.finish_reason == "length");
    CHECK(whole("Hm. " + cut, "length").content == "Hm. ");
}

TEST_CASE("call repair: a block too long to be calls is text", "[events]") {
    const std::string much(1 << 20, 'x');
    const Answer answer = streamed({"<｜DSML｜", much, "y", "<｜DSML｜"});
    CHECK(answer.content == "<｜DSML｜" + much + "y" + "<｜DSML｜");
    CHECK(answer.finish_reason == "stop");
}

TEST_CASE("leaked calls: as the field writes them", "[events]") {
    const auto arguments = [](const std::string& inner) {
        const auto block = read_leaked_calls(
            "<｜DSML｜invoke name=\"get_time\">" + inner + "</｜DSML｜invoke>", kTools);
        return block.calls.size() == 1 ? block.calls[0].arguments : "none";
    };
    const auto parameter = [](const std::string& key, const std::string& kind,
                              const std::string& value) {
        return "<｜DSML｜parameter name=\"" + key + "\"" + kind + ">" + value +
               "</｜DSML｜parameter>";
    };
    CHECK(arguments("\n\n") == "{}");
    CHECK(arguments(parameter("a", " string=\"false\"", "1")) == R"({"a":1})");
    CHECK(arguments(parameter("a", " string=\"false\"", "no JSON")) == R"({"a":"no JSON"})");
    CHECK(arguments(parameter("a", "", "1")) == R"({"a":"1"})");
    CHECK(arguments(parameter("a", " string=\"true\"", "1") +
                    parameter("a", " string=\"true\"", "2")) == R"({"a":"2"})");
    CHECK(arguments(parameter("arguments", " string=\"false\"", R"({"a": 1})")) == R"({"a":1})");
    CHECK(arguments(parameter("arguments", " string=\"true\"", R"({"a": 1})")) == R"({"a":1})");
    CHECK(arguments(parameter("arguments", " string=\"true\"", "x")) == R"({"arguments":"x"})");
    // No wrapper, a misspelt one, one with blanks, and a broken sibling between good ones.
    const std::string good = "<｜DSML｜invoke name=\"get_time\"></｜DSML｜invoke>";
    const std::string broken = "<｜DSML｜invoke name=\"get_time\"><｜DSML｜parameter nam=\"a\">";
    CHECK(read_leaked_calls(good + good, kTools).calls.size() == 2);
    CHECK(read_leaked_calls("<｜DSML｜tool_cals>" + good, kTools).calls.size() == 1);
    CHECK(read_leaked_calls(
              "<｜DSML｜ calls>\n<｜DSML｜ invoke name=\"get_time\"></｜DSML｜ invoke>", kTools)
              .calls.size() == 1);
    CHECK(read_leaked_calls(good + broken + good, kTools).calls.size() == 2);
    CHECK(read_leaked_calls(good + broken, kTools).has_open_call);
    CHECK(!read_leaked_calls(good, kTools).has_open_call);
}
