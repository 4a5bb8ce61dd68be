#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/chat/answer_mask.h"
#include "tests/engine/calls_fixture.h"
#include "tests/engine/mask_fixture.h"
#include "tests/engine/random_schema.h"

using namespace engine;

namespace {

using State = AnswerStream::State;

std::string strict_tool(const std::string& name, const std::string& parameters) {
    return R"({"type":"function","function":{"name":")" + name +
           R"(","strict":true,"parameters":)" + parameters + "}}";
}

const std::string kFind = strict_tool("find", R"({"type":"object","additionalProperties":false,
    "required":["text","op","limit","sort"],"properties":{
        "text":{"type":"string"},
        "op":{"enum":["<","<=","is \"so\""]},
        "limit":{"anyOf":[{"type":"integer"},{"type":"null"}]},
        "sort":{"type":["array","string"],"items":{"type":"object","additionalProperties":false,
            "required":["by"],"properties":{"by":{"enum":["age","name"]}}}}}})");
const std::string kStrictTools =
    "[" + kFind + "," + strict_tool("stop", R"({"type":"object","properties":{},"required":[],
    "additionalProperties":false})") +
    R"(,{"type":"function","function":{"name":"bare","strict":true}}])";

std::shared_ptr<const CallGrammar> strict_grammar(const ToolChoice& choice = {}) {
    auto made = CallGrammar::make(kStrictTools, choice);
    if (!made) FAIL(made.error().detail);
    return *made;
}

std::string parameter(const std::string& name, const std::string& kind, const std::string& value) {
    return "<｜DSML｜parameter name=\"" + name + "\" string=\"" + kind + "\">" + value +
           "</｜DSML｜parameter>\n";
}

std::string call(const std::string& tool, const std::string& parameters) {
    return "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"" + tool + "\">\n" + parameters +
           "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
}

// The arguments of a call that is whole; empty: it was broken off.
std::string arguments_of(const std::string& block) {
    const CallAnswer answer = run(written(block), {strict_grammar()});
    return answer.whole.empty() ? "" : answer.whole[0].arguments;
}

const std::string kText = parameter("text", "true", "a < b");
const std::string kOp = parameter("op", "true", "<=");
const std::string kLimit = parameter("limit", "false", "12");
const std::string kSort = parameter("sort", "false", R"([{"by": "age"}])");

Error refusal(const std::string& tools) {
    const auto made = CallGrammar::make(tools, {});
    REQUIRE_FALSE(made);
    return made.error();
}

}  // namespace

TEST_CASE("strict tools: a call has all that its schema asks for", "[engine]") {
    CHECK(arguments_of(call("find", kText + kOp + kLimit + kSort)) ==
          R"({"text": "a < b", "op": "<=", "limit": 12, "sort": [{"by": "age"}]})");
    // In any order; a text or JSON, as the value is.
    CHECK(arguments_of(call("find", parameter("sort", "true", "x</y>") + kLimit + kText +
                                        parameter("op", "true", "is \"so\""))) ==
          R"({"sort": "x</y>", "limit": 12, "text": "a < b", "op": "is \"so\""})");
    CHECK(arguments_of(call("find", parameter("op", "true", "<") + kText + kSort +
                                        parameter("limit", "false", "null")))
              .find(R"("op": "<", )") != std::string::npos);
    CHECK(arguments_of(call("stop", "\n")) == "{}");
    CHECK(arguments_of(call("bare", "\n")) == "{}");
}

TEST_CASE("strict tools: what does not fit breaks the call off", "[engine]") {
    const std::string wrong[] = {
        kText + kOp + kLimit,                                          // one is missing
        kText + kOp + kLimit + kSort + parameter("more", "true", ""),  // one too many
        kText + kText + kOp + kLimit + kSort,
        parameter("op", "true", "<>") + kText + kLimit + kSort,
        parameter("op", "true", "") + kText + kLimit + kSort,
        parameter("op", "false", "\"<\"") + kText + kLimit + kSort,  // a text is no JSON
        parameter("text", "false", "1") + kOp + kLimit + kSort,
        parameter("limit", "false", "1.5") + kText + kOp + kSort,
        parameter("limit", "true", "1") + kText + kOp + kSort,
        parameter("sort", "false", R"([{"by": "size"}])") + kText + kOp + kLimit,
        parameter("sort", "false", "[{}]") + kText + kOp + kLimit,
        "\n",
    };
    for (const std::string& parameters : wrong) {
        CAPTURE(parameters);
        CHECK(arguments_of(call("find", parameters)).empty());
    }
    CHECK(arguments_of(call("stop", kText)).empty());
}

TEST_CASE("strict tools: a tool that is not is asked for no more than before", "[engine]") {
    const std::string loose = R"([{"type":"function","function":{"name":"find","strict":false,
        "parameters":{"type":"object","properties":{"a":{"type":"string","pattern":"x"}},"required":["a"]}}}])";
    const auto made = CallGrammar::make(loose, {});
    REQUIRE(made);
    CHECK(run(written(call("find", "\n")), {*made}).whole.size() == 1);
}

TEST_CASE("strict tools: whatever is sampled, the arguments fit", "[engine]") {
    std::mt19937 random(47);
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    int n_calls = 0;
    for (int round = 0; round < 600; ++round) {
        OrderedJson schema = OrderedJson::parse(kFind)["function"]["parameters"];
        if (round % 4) {
            schema = RandomSchema(random).make();
            schema["additionalProperties"] = false;
        }
        const std::string tools = "[" + strict_tool("find", schema.dump()) + "]";
        CAPTURE(tools);
        const auto grammar = CallGrammar::make(tools, {ToolChoice::Mode::required, {}, 1});
        if (!grammar) continue;
        AnswerStream stream(small_tokenizer(), small_controls(), false, {}, {*grammar});
        CallAnswer answer;
        for (int n = 0; n < 3'000 && stream.state() != State::ended; ++n) {
            const auto ids = allowed(mask.next(stream));
            REQUIRE_FALSE(ids.empty());
            TokenDelta delta;
            stream.push(pick(ids, random, n > 300), {}, delta);
            take(delta, answer);
            REQUIRE_FALSE(stream.calls()->broken());
        }
        REQUIRE(stream.state() == State::ended);
        REQUIRE(answer.whole.size() == 1);
        CAPTURE(answer.whole[0].arguments);
        const OrderedJson value = OrderedJson::parse(answer.whole[0].arguments, nullptr, false);
        REQUIRE_FALSE(value.is_discarded());
        CHECK(SchemaValidator(schema).holds(value));
        ++n_calls;
    }
    CHECK(n_calls > 250);
}

TEST_CASE("strict tools: a schema that cannot be held is refused, with its tool", "[engine]") {
    const auto of = [](const std::string& parameters) {
        return "[" + kFind + "," + strict_tool("odd", parameters) + "]";
    };
    const std::pair<const char*, const char*> rows[] = {
        {R"({"type":"object","properties":{"a":{"type":"string","maxLength":3}},"required":["a"],"additionalProperties":false})",
         "In context=('properties', 'a'), 'maxLength' is not supported."},
        {R"({"type":"object","properties":{"a\"b":{"type":"string"}},"additionalProperties":false})",
         "In context=('properties', 'a\"b'), a name with a quote, a < or a control character is "
         "not supported."},
        {R"({"type":"object"})",
         "In context=(), 'additionalProperties' must be false in a strict function."},
        {R"({"type":["object","null"],"additionalProperties":false})",
         "In context=(), the parameters of a strict function must be one object."},
    };
    for (const auto& [parameters, detail] : rows) {
        const Error error = refusal(of(parameters));
        CHECK(error.code == Errc::schema_unsupported);
        CHECK(error.detail == detail);
        CHECK(error.schema.tool == 1);
        CHECK(error.schema.name == "odd");
    }
    // Those that cannot be called anyway are not looked at.
    CHECK(CallGrammar::make(of(rows[0].first), {ToolChoice::Mode::automatic, {"find"}, 0}));
    CHECK(CallGrammar::make(of(rows[0].first), {ToolChoice::Mode::none, {}, 0}));
}

TEST_CASE("strict tools: all schemas of a request together are bounded", "[engine]") {
    const std::string large = R"({"type":"object","additionalProperties":false,"description":")" +
                              std::string(60'000, 'x') + "\"}";
    std::string tools;
    for (int i = 0; i < 5; ++i) {
        tools += (i ? "," : "[") + strict_tool("f" + std::to_string(i), large);
    }
    const Error error = refusal(tools + "]");
    CHECK(error.detail ==
          "In context=(), the schemas of all strict functions are larger than 262144 bytes.");
    CHECK(error.schema.tool == 4);
}
