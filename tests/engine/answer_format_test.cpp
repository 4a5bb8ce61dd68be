#include "engine/chat/answer_format.h"

#include <algorithm>

#include "engine/chat/answer_mask.h"
#include "tests/engine/calls_fixture.h"
#include "tests/engine/mask_fixture.h"
#include "tests/engine/random_schema.h"

using namespace engine;

namespace {

using State = AnswerStream::State;
using Format = std::shared_ptr<const JsonSchema>;

Format format_of(const std::string& schema) {
    auto made = answer_format(R"({"type":"json_schema","json_schema":{"name":"x","schema":)" +
                              schema + "}}");
    INFO(schema);
    if (!made) FAIL(made.error().detail);
    return *made;
}

AnswerStream stream_of(const Format& format, bool thinking = false,
                       const std::shared_ptr<const CallGrammar>& grammar = nullptr,
                       const std::vector<std::string>& stops = {}) {
    return {small_tokenizer(), small_controls(), thinking, stops, {grammar}, INT64_MAX, format};
}

// By trying each token.
std::vector<int32_t> tried(const FormatMachine& machine) {
    std::vector<int32_t> ids;
    for (int32_t id = 0; id < small_tokenizer().n_ids(); ++id) {
        if (id == small_controls()[Control::eos] && machine.complete()) ids.push_back(id);
        if (id == small_controls()[Control::dsml] && machine.takes_dsml()) ids.push_back(id);
        if (small_tokenizer().is_added(id) || small_tokenizer().bytes(id).empty()) continue;
        FormatMachine ahead = machine;
        const std::string_view bytes = small_tokenizer().bytes(id);
        const bool goes_on = std::all_of(bytes.begin(), bytes.end(), [&](char byte) {
            return ahead.push(static_cast<uint8_t>(byte));
        });
        if (goes_on) ids.push_back(id);
    }
    return ids;
}

CallAnswer walk(AnswerMask& mask, AnswerStream stream, std::mt19937& random) {
    CallAnswer answer;
    for (int n = 0; n < 2'000 && stream.state() != State::ended; ++n) {
        const auto ids = allowed(mask.next(stream));
        REQUIRE_FALSE(ids.empty());
        const bool in_format = stream.state() == State::content;
        if (in_format && random() % 16 == 0) CHECK(ids == tried(*stream.format()));
        if (stream.state() == State::thinking) CHECK_FALSE(is_among(ids, Control::eos));
        TokenDelta delta;
        stream.push(pick(ids, random, n > 150), {}, delta);
        take(delta, answer);
    }
    answer.ended = stream.state() == State::ended;
    if (answer.ended) answer.reason = stream.reason();
    return answer;
}

}  // namespace

TEST_CASE("answer format: whatever is sampled, the content fits", "[engine]") {
    std::mt19937 random(43);
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    int n_values = 0, n_calls = 0;
    for (int round = 0; round < 1'500; ++round) {
        const OrderedJson schema = RandomSchema(random).make();
        CAPTURE(schema.dump());
        if (!JsonSchema::compile(schema.dump())) continue;
        const SchemaValidator validator(schema);
        const auto grammar = random() % 3 == 0 ? grammar_of() : nullptr;
        const CallAnswer answer =
            walk(mask, stream_of(format_of(schema.dump()), random() % 2, grammar), random);
        CAPTURE(answer.content);
        REQUIRE(answer.ended);
        if (answer.reason == FinishReason::tool_calls) {
            CHECK(answer.content.empty());
            ++n_calls;
            continue;
        }
        CHECK(answer.reason == FinishReason::stop);
        const OrderedJson value = OrderedJson::parse(answer.content, nullptr, false);
        REQUIRE_FALSE(value.is_discarded());
        CHECK(validator.holds(value));
        ++n_values;
    }
    CHECK(n_values > 500);
    CHECK(n_calls > 20);
}

TEST_CASE("answer format: content is the value and nothing else", "[engine]") {
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    AnswerStream stream = stream_of(format_of(R"({"type":"object","properties":{"a":{"const":1}},
        "required":["a"]})"),
                                    true, nullptr, {"a", "}"});
    CallAnswer answer;
    const auto say = [&](std::string_view text) {
        TokenDelta delta;
        for (const int32_t token : written(text)) stream.push(token, {}, delta);
        take(delta, answer);
        return allowed(mask.next(stream));
    };
    CHECK(is_among(say("a{ thought }"), Control::think_end));
    const auto first = say("</think>");
    for (const int32_t id : first) CHECK(small_tokenizer().bytes(id).front() == '{');
    CHECK_FALSE(is_among(say("{\"a\": 1"), Control::eos));
    CHECK(say("}") == std::vector<int32_t>{small_controls()[Control::eos]});
    say("<｜end▁of▁sentence｜>");
    CHECK(stream.state() == State::ended);
    CHECK(stream.reason() == FinishReason::stop);
    CHECK(answer.reasoning == "a{ thought }");
    CHECK(answer.content == R"({"a": 1})");  // stop strings would have cut it
}

TEST_CASE("answer format: where tools may be called, a block or the value", "[engine]") {
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    const Format format = format_of(R"({"type":"object"})");
    const auto after = [&](const std::shared_ptr<const CallGrammar>& grammar,
                           std::string_view text) {
        AnswerStream stream = stream_of(format, false, grammar);
        TokenDelta delta;
        for (const int32_t token : encode(text)) stream.push(token, {}, delta);
        return allowed(mask.next(stream));
    };
    const auto has = [](const std::vector<int32_t>& ids, const char* text) {
        return std::find(ids.begin(), ids.end(), encode(text).at(0)) != ids.end();
    };
    CHECK(has(after(grammar_of(), ""), "\n"));
    CHECK(has(after(grammar_of(), ""), "{"));
    CHECK_FALSE(has(after(nullptr, ""), "\n"));
    CHECK_FALSE(has(after(grammar_of({ToolChoice::Mode::none, {}, 0}), ""), "\n"));
    CHECK_FALSE(has(after(grammar_of(), "\n"), "{"));
    CHECK(after(grammar_of(), "\n\n<") == std::vector<int32_t>{small_controls()[Control::dsml]});
    CHECK_FALSE(has(after(grammar_of(), "{"), "<"));
    CHECK_FALSE(is_among(after(grammar_of(), "{\"<"), Control::dsml));
    CHECK(is_among(after(grammar_of(), "{}"), Control::eos));

    AnswerStream stream = stream_of(format, false, grammar_of());
    CallAnswer answer;
    for (const int32_t token : written("\n\n" + kTwoCalls)) {
        TokenDelta delta;
        stream.push(token, {}, delta);
        take(delta, answer);
    }
    CHECK(stream.reason() == FinishReason::tool_calls);
    CHECK(answer.whole.size() == 2);
    CHECK(answer.content.empty());
}

TEST_CASE("answer format: what does not fit is no answer", "[engine]") {
    for (const char* text : {"x", "{}x", "{<｜end▁of▁sentence｜>", "<｜end▁of▁sentence｜>"}) {
        AnswerStream stream = stream_of(format_of(R"({"type":"object"})"));
        TokenDelta delta;
        for (const int32_t token : written(text)) stream.push(token, {}, delta);
        CHECK(stream.state() == State::ended);
        CHECK(stream.reason() == FinishReason::failed);
    }
}

TEST_CASE("answer format: read from a response format", "[engine]") {
    const auto fits = [](const std::string& format, std::string_view text) {
        const auto made = answer_format(format);
        if (!made) FAIL(made.error().detail);
        SchemaMachine machine(**made);
        return std::all_of(text.begin(), text.end(),
                           [&](char byte) { return machine.push(static_cast<uint8_t>(byte)); }) &&
               machine.complete();
    };
    const std::string object = R"({"type":"json_object"})";
    CHECK(fits(object, R"({"a":[1,{}],"\u00e9":null})"));
    CHECK_FALSE(fits(object, "[]"));
    const std::string loose =
        R"({"json_schema":{"schema":{"enum":["a"]},"strict":false},"type":"json_schema"})";
    CHECK(fits(loose, "\"a\""));
    CHECK_FALSE(fits(loose, "\"b\""));
    CHECK(fits(R"({"type":"json_schema","json_schema":{"name":"x"}})", "{}"));

    const auto refused =
        answer_format(R"({"type":"json_schema","json_schema":{"name":"x","schema":{"if":{}}}})");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::schema_unsupported);
    CHECK(refused.error().schema.name == "x");
    CHECK_FALSE(refused.error().schema.tool);
    for (const char* format :
         {"", "{}", "[]", "{\"type\":\"text\"}", "{\"type\":\"json_object\"} x",
          "{\"type\":\"json_schema\",\"json_schema\":1}"}) {
        const auto made = answer_format(format);
        REQUIRE_FALSE(made);
        CHECK(made.error().code == Errc::prompt_invalid);
    }
}
