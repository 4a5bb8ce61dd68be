#pragma once
// Answers that call tools, token by token.
#include <optional>
#include <random>

#include "engine/chat/answer_stream.h"
#include "tests/engine/text_fixture.h"

namespace engine {

inline constexpr const char* kTools = R"([
 {"type":"function","function":{"name":"get_weather","description":"d","parameters":{"type":"object",
  "properties":{"city":{"type":"string"},"unit":{"type":"string","enum":["c","f"]}},"required":["city"]}}},
 {"type":"function","function":{"name":"get","parameters":{"type":"object","properties":{
  "n":{"type":"integer"},"x":{"type":"number"},"list":{"type":["array","null"]},"any":{}},
  "additionalProperties":false}}},
 {"type":"function","function":{"name":"free","parameters":{"type":"object"}}},
 {"type":"function","function":{"name":"get_time","parameters":{"type":"object","properties":{}}}}])";

inline std::shared_ptr<const CallGrammar> grammar_of(const ToolChoice& choice = {}) {
    auto made = CallGrammar::make(kTools, choice);
    REQUIRE(made);
    return *made;
}

// What a model writes: the names of controls are the controls.
inline std::vector<int32_t> written(std::string_view text) {
    constexpr Control kControls[] = {Control::dsml, Control::think_end, Control::eos};
    std::vector<int32_t> tokens;
    while (!text.empty()) {
        size_t at = text.size();
        std::optional<Control> found;
        for (const Control control : kControls) {
            if (const size_t place = text.find(to_string(control)); place < at) {
                at = place;
                found = control;
            }
        }
        for (const int32_t token : encode(text.substr(0, at))) tokens.push_back(token);
        text.remove_prefix(at);
        if (!found) break;
        tokens.push_back(small_controls()[*found]);
        text.remove_prefix(to_string(*found).size());
    }
    return tokens;
}

struct CallAnswer {
    std::string reasoning, content, logprob_bytes;
    std::vector<ToolCall> calls;  // as the pieces spell them, cut ones too
    std::vector<ToolCall> whole;  // those that ended
    bool ended = false;           // by itself, not by its length
    FinishReason reason = FinishReason::length;
    int64_t n_output = 0, n_reasoning = 0;
    int n_cut = 0;
};

struct CallRun {
    std::shared_ptr<const CallGrammar> grammar{};
    bool thinking = false;
    std::vector<std::string> stops{};
    CallMemory* memory = nullptr;
    uint64_t owner = 0;
};

inline void take(const TokenDelta& delta, CallAnswer& answer) {
    if (!is_utf8(delta.content) || !is_utf8(delta.reasoning)) FAIL_CHECK("no UTF-8");
    answer.reasoning += delta.reasoning;
    answer.content += delta.content;
    for (const TokenLogprob& logprob : delta.logprobs) answer.logprob_bytes += logprob.bytes;
    for (const ToolCallDelta& call : delta.calls) {
        if (!is_utf8(call.arguments)) FAIL_CHECK("no UTF-8");
        const auto index = static_cast<size_t>(call.index);
        if (!call.id.empty()) {
            CHECK(index == answer.calls.size());
            answer.calls.push_back({call.id, call.name, {}});
        }
        REQUIRE(index + 1 == answer.calls.size());
        answer.calls.back().arguments += call.arguments;
        if (call.ends) answer.whole.push_back(answer.calls.back());
    }
}

inline CallAnswer run(const std::vector<int32_t>& tokens, const CallRun& how) {
    AnswerStream stream(small_tokenizer(), small_controls(), how.thinking, how.stops,
                        {how.grammar, how.memory, how.owner});
    CallAnswer answer;
    for (const int32_t token : tokens) {
        TokenDelta delta;
        std::optional<TokenLogprob> logprob;
        if (stream.state() == AnswerStream::State::content && !small_tokenizer().is_added(token)) {
            logprob = TokenLogprob{std::string(small_tokenizer().bytes(token)), 0, {}};
        }
        stream.push(token, std::move(logprob), delta);
        take(delta, answer);
        answer.ended = stream.state() == AnswerStream::State::ended;
        if (answer.ended) break;
    }
    TokenDelta rest;
    if (answer.ended) answer.reason = stream.reason();
    if (!answer.ended) stream.finish(rest);
    take(rest, answer);
    answer.n_output = stream.n_output();
    answer.n_reasoning = stream.n_reasoning();
    answer.n_cut = stream.n_calls_cut();
    return answer;
}

inline const std::string kTwoCalls =
    "<｜DSML｜tool_calls>\n"
    "<｜DSML｜invoke name=\"get_weather\">\n"
    "<｜DSML｜parameter name=\"city\" string=\"true\">Ou\"lu\n</b> 河<</｜DSML｜parameter>\n"
    "<｜DSML｜parameter name=\"unit\" string=\"true\"></｜DSML｜parameter>\n"
    "</｜DSML｜invoke>\n"
    "<｜DSML｜invoke name=\"get\">\n"
    "<｜DSML｜parameter name=\"n\" string=\"false\">-12</｜DSML｜parameter>\n"
    "<｜DSML｜parameter name=\"any\" string=\"false\">{\"k\":[1, \"</x>\", "
    "true]}</｜DSML｜parameter>\n"
    "</｜DSML｜invoke>\n"
    "</｜DSML｜tool_calls>";
inline const std::string kArguments0 = R"({"city": "Ou\"lu\n</b> 河<", "unit": ""})";
inline const std::string kArguments1 = R"({"n": -12, "any": {"k":[1, "</x>", true]}})";

}  // namespace engine
