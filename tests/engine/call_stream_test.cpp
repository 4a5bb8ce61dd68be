#include "engine/calls/call_stream.h"

#include <nlohmann/json.hpp>
#include <set>

#include "tests/engine/calls_fixture.h"

using namespace engine;

namespace {

// Bytes of a text in tokens of one byte each, or in the tokenizer's own, at random.
std::vector<int32_t> cut_anyhow(const std::vector<int32_t>& tokens, std::mt19937& random) {
    std::vector<int32_t> out;
    std::string text;
    const auto put = [&] {
        while (!text.empty()) {
            const size_t n = random() % 2 ? 1 : 1 + random() % 9;
            const std::string piece = text.substr(0, n);
            for (const char byte : piece) {
                for (int32_t id = 0; id < small_tokenizer().n_ids(); ++id) {
                    if (small_tokenizer().bytes(id) == std::string_view(&byte, 1)) {
                        out.push_back(id);
                        break;
                    }
                }
            }
            text.erase(0, piece.size());
            if (random() % 2) continue;
            const std::string next = text.substr(0, random() % 12);
            if (!is_utf8(next)) continue;
            for (const int32_t id : encode(next)) out.push_back(id);
            text.erase(0, next.size());
        }
    };
    for (const int32_t token : tokens) {
        if (!small_tokenizer().is_added(token)) {
            text += small_tokenizer().bytes(token);
            continue;
        }
        put();
        out.push_back(token);
    }
    put();
    return out;
}

void check_two_calls(const CallAnswer& answer) {
    CHECK(answer.ended);
    CHECK(answer.reason == FinishReason::tool_calls);
    CHECK(answer.n_cut == 0);
    REQUIRE(answer.whole.size() == 2);
    CHECK(answer.calls.size() == 2);
    CHECK(answer.whole[0].name == "get_weather");
    CHECK(answer.whole[0].arguments == kArguments0);
    CHECK(answer.whole[1].name == "get");
    CHECK(answer.whole[1].arguments == kArguments1);
}

bool holds_markup(const CallAnswer& answer) {
    std::string all = answer.reasoning + answer.content;
    for (const ToolCall& call : answer.calls) all += call.name + call.arguments;
    return all.find(to_string(Control::dsml)) != std::string::npos;
}

}  // namespace

TEST_CASE("calls: reasoning, content and two calls", "[engine]") {
    const auto tokens = written("so</think>I look.\n\n" + kTwoCalls);
    const CallAnswer answer = run(tokens, {grammar_of(), true});
    check_two_calls(answer);
    CHECK(answer.reasoning == "so");
    CHECK(answer.content == "I look.");
    CHECK(answer.n_output == static_cast<int64_t>(tokens.size()));
    CHECK(answer.n_reasoning == static_cast<int64_t>(encode("so").size()) + 1);
    CHECK(nlohmann::json::parse(answer.whole[0].arguments)["city"] == "Ou\"lu\n</b> 河<");
}

TEST_CASE("calls: ids are long, and no two alike", "[engine]") {
    std::set<std::string> ids;
    for (int i = 0; i < 100; ++i) {
        for (const ToolCall& call : run(written("\n\n" + kTwoCalls), {grammar_of()}).whole) {
            CHECK(call.id.substr(0, 5) == "call_");
            CHECK(call.id.size() == 29);
            CHECK(call.id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                            "0123456789_") == std::string::npos);
            ids.insert(call.id);
        }
    }
    CHECK(ids.size() == 200);
}

TEST_CASE("calls: wherever tokens are cut, the same comes out", "[engine]") {
    std::mt19937 random(11);
    const auto tokens = written("so\n</think>I <look>.\n\n" + kTwoCalls);
    for (int round = 0; round < 500; ++round) {
        const CallAnswer answer = run(cut_anyhow(tokens, random), {grammar_of(), true});
        check_two_calls(answer);
        CHECK(answer.reasoning == "so\n");
        CHECK(answer.content == "I <look>.");
    }
}

TEST_CASE("calls: a text comes as it is written, another value once it is whole", "[engine]") {
    AnswerStream stream(small_tokenizer(), small_controls(), false, {}, {grammar_of()});
    const auto said = [&](std::string_view text) {
        TokenDelta delta;
        for (const int32_t token : written(text)) stream.push(token, {}, delta);
        std::string arguments;
        for (const auto& call : delta.calls) arguments += call.arguments;
        return arguments;
    };
    CHECK(said("\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"free\"") == "{");
    CHECK(said(">\n<｜DSML｜parameter name=\"a\" string=\"true\">") == "\"a\": \"");
    CHECK(said("one</") == "one");
    CHECK(said("p> <") == "</p> ");
    CHECK(said("</｜DSML｜parameter>") == "<\"");
    CHECK(said("\n<｜DSML｜parameter name=\"b\" string=\"false\">[1, 2") == ", \"b\": ");
    CHECK(said("]</").empty());
    CHECK(said("｜DSML｜parameter>\n</｜DSML｜") == "[1, 2]}");
}

TEST_CASE("calls: a call without parameters has an empty object", "[engine]") {
    const CallAnswer answer =
        run(written("\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"get_time\">\n\n"
                    "</｜DSML｜invoke>\n</｜DSML｜tool_calls>"),
            {grammar_of()});
    REQUIRE(answer.whole.size() == 1);
    CHECK(answer.whole[0].arguments == "{}");
    CHECK(answer.content.empty());
    CHECK(answer.reason == FinishReason::tool_calls);
}

TEST_CASE("calls: a block ends the reasoning, and its line ends are not part of it", "[engine]") {
    const CallAnswer answer = run(written("so I look\r\n\n" + kTwoCalls), {grammar_of(), true});
    check_two_calls(answer);
    CHECK(answer.reasoning == "so I look");
    CHECK(answer.content.empty());
}

TEST_CASE("calls: cut anywhere, whole calls stay and no markup comes out", "[engine]") {
    const auto tokens = written("so</think>I look.\n\n" + kTwoCalls);
    size_t n_whole_before = 0;
    for (size_t n = 0; n < tokens.size(); ++n) {
        const std::vector<int32_t> part(tokens.begin(),
                                        tokens.begin() + static_cast<std::ptrdiff_t>(n));
        const CallAnswer answer = run(part, {grammar_of(), true});
        CHECK_FALSE(answer.ended);
        CHECK_FALSE(holds_markup(answer));
        CHECK(answer.content.find('<') == std::string::npos);
        CHECK(answer.n_cut == static_cast<int>(answer.calls.size() - answer.whole.size()));
        CHECK(answer.whole.size() >= n_whole_before);
        n_whole_before = answer.whole.size();
        for (const ToolCall& call : answer.whole) CHECK(nlohmann::json::accept(call.arguments));
        if (!answer.calls.empty()) {
            const std::string& arguments = answer.calls[0].arguments;
            CHECK(kArguments0.compare(0, arguments.size(), arguments) == 0);
        }
    }
    CHECK(n_whole_before == 2);
}

TEST_CASE("calls: what is no block breaks it off, and leaks nothing", "[engine]") {
    std::mt19937 random(3);
    const auto good = written("so</think>I look.\n\n" + kTwoCalls);
    const auto parts =
        written("<</\n｜DSML｜</think>tool_calls>invoke name=\"\"x{}<｜end▁of▁sentence｜>");
    int n_broken = 0;
    for (int round = 0; round < 4'000; ++round) {
        auto tokens = good;
        for (size_t n = 1 + random() % 3; n > 0; --n) {
            const auto at = tokens.begin() + static_cast<std::ptrdiff_t>(random() % tokens.size());
            switch (random() % 4) {
                case 0:
                    tokens.erase(at);
                    break;
                case 1:
                    tokens.insert(at, parts[random() % parts.size()]);
                    break;
                case 2:
                    *at = parts[random() % parts.size()];
                    break;
                default:
                    std::iter_swap(at, tokens.begin());
            }
        }
        const CallAnswer answer = run(tokens, {grammar_of(), random() % 2 == 0});
        CHECK_FALSE(holds_markup(answer));
        for (const ToolCall& call : answer.whole) {
            CHECK(nlohmann::json::parse(call.arguments).is_object());
        }
        if (answer.ended) {
            CHECK(answer.reason ==
                  (answer.whole.empty() ? FinishReason::stop : FinishReason::tool_calls));
        }
        n_broken += answer.whole.size() < 2;
    }
    CHECK(n_broken > 1'000);
}

TEST_CASE("calls: what no block may hold is not accepted", "[engine]") {
    const auto broken = [](const std::string& block, const ToolChoice& choice = {}) {
        return run(written("\n\n" + block), {grammar_of(choice)}).whole.empty();
    };
    const auto with = [](const std::string& from, const std::string& to) {
        std::string block = kTwoCalls;
        const size_t at = block.find(from);
        REQUIRE(at != std::string::npos);
        return block.replace(at, from.size(), to);
    };
    CHECK_FALSE(broken(kTwoCalls));
    CHECK(broken(with("get_weather", "get_whether")));
    CHECK(broken(with("get_weather", "get_")));
    CHECK(broken(with("\"city\"", "\"town\"")));
    CHECK(broken(with("\"unit\"", "\"city\"")));                 // twice
    CHECK(broken(with("string=\"true\"", "string=\"false\"")));  // a city is a text
    CHECK(broken(with("tool_calls>\n", "tool_calls>")));
    CHECK(broken(kTwoCalls, {ToolChoice::Mode::automatic, {"get"}, 0}));
    const auto n_whole = [](const std::string& block, const ToolChoice& choice) {
        return run(written("\n\n" + block), {grammar_of(choice)}).whole.size();
    };
    CHECK(n_whole(kTwoCalls, {}) == 2);
    CHECK(n_whole(with(">-12<", ">-12.5<"), {}) == 1);  // an integer
    CHECK(n_whole(with("[1,", "[1,,"), {}) == 1);
    CHECK(n_whole(kTwoCalls, {ToolChoice::Mode::automatic, {}, 1}) == 1);
    CHECK(n_whole(kTwoCalls, {ToolChoice::Mode::none, {}, 0}) == 0);
}

TEST_CASE("calls: stop strings end content, never a call", "[engine]") {
    const auto tokens = written("EN\n\n" + kTwoCalls);
    const CallAnswer answer = run(tokens, {grammar_of(), false, {"END", "\n\n", "Ou", "河"}});
    check_two_calls(answer);
    CHECK(answer.content == "EN");
    CHECK(answer.logprob_bytes.substr(0, 2) == "EN");
    CHECK(answer.logprob_bytes.find('<') == std::string::npos);
    const CallAnswer stopped = run(written("a\n\nb"), {grammar_of(), false, {"\n\n"}});
    CHECK(stopped.content == "a");
    CHECK(stopped.reason == FinishReason::stop);
}

TEST_CASE("calls: text that only looks like a lead is text", "[engine]") {
    for (const char* text : {"a\n\n", "a <", "a\n</", "1 < 2", "</p>\n", "<<</"}) {
        CHECK(run(written(std::string(text) + "<｜end▁of▁sentence｜>"), {grammar_of()}).content ==
              text);
        CHECK(run(written(std::string(text) + "</think>b"), {grammar_of(), true}).reasoning ==
              text);
    }
}

TEST_CASE("calls: without tools a DSML token is nothing, and its name is text", "[engine]") {
    const auto tokens = written("\n\n<｜DSML｜tool_calls>");
    CHECK(run(tokens, {}).content == "\n\n<tool_calls>");
    CHECK(run(tokens, {grammar_of({ToolChoice::Mode::none, {}, 0})}).whole.empty());
    CHECK(run(encode("<｜DSML｜tool_calls>"), {grammar_of()}).content == "<｜DSML｜tool_calls>");
}

TEST_CASE("calls: one that is required begins with its block", "[engine]") {
    const auto grammar = grammar_of({ToolChoice::Mode::required, {}, 0});
    check_two_calls(run(written("\n\n" + kTwoCalls), {grammar}));
    const CallAnswer thought = run(written("so</think>\n\n" + kTwoCalls), {grammar, true});
    check_two_calls(thought);
    CHECK(thought.reasoning == "so");
    CHECK(run(written("no"), {grammar}).content.empty());
}

TEST_CASE("call grammar: tools that are none are refused", "[engine]") {
    using Mode = ToolChoice::Mode;
    for (const char* tools : {"", "{}", "[1]", "[{\"function\":1}]", "[", "[] x"}) {
        const auto made = CallGrammar::make(tools, {});
        REQUIRE_FALSE(made);
        CHECK(made.error().code == Errc::prompt_invalid);
    }
    CHECK_FALSE(CallGrammar::make(kTools, {Mode::required, {"nothing"}, 0}));
    CHECK_FALSE(CallGrammar::make("[]", {Mode::required, {}, 0}));
    CHECK_FALSE((*CallGrammar::make(kTools, {Mode::automatic, {"nothing"}, 0}))->may_call());
    CHECK((*CallGrammar::make(kTools, {}))->tools().size() == 4);
}
