#include "engine/chat/answer_mask.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/engine/calls_fixture.h"
#include "tests/engine/mask_fixture.h"

using namespace engine;

namespace {

using State = AnswerStream::State;

AnswerStream stream_of(const std::shared_ptr<const CallGrammar>& grammar, bool thinking = false) {
    return {small_tokenizer(), small_controls(), thinking, {}, {grammar}};
}

// By trying each token.
std::vector<int32_t> tried(const AnswerStream& stream) {
    std::vector<int32_t> ids;
    for (int32_t id = 0; id < small_tokenizer().n_ids(); ++id) {
        const bool is_dsml = id == small_controls()[Control::dsml];
        if (!is_dsml && small_tokenizer().is_added(id)) continue;
        if (!is_dsml && small_tokenizer().bytes(id).empty()) continue;
        CallStream calls = *stream.calls();
        std::vector<ToolCallDelta> out;
        is_dsml ? calls.push_dsml(out) : calls.push_text(small_tokenizer().bytes(id), out);
        if (!calls.broken()) ids.push_back(id);
    }
    return ids;
}

const ToolRule& rule_of(const std::vector<ToolRule>& rules, const std::string& name) {
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const ToolRule& rule) { return rule.name == name; });
    REQUIRE(found != rules.end());
    return *found;
}

bool fits(const nlohmann::json& value, uint8_t kinds) {
    using namespace json_kinds;
    if (value.is_number_integer()) return kinds & (number | integer);
    if (value.is_number()) return kinds & number;
    if (value.is_string()) return kinds & string;
    if (value.is_array()) return kinds & array;
    if (value.is_object()) return kinds & object;
    return kinds & (value.is_null() ? null : boolean);
}

void check_call(const ToolCall& call, const std::vector<ToolRule>& rules) {
    const ToolRule& rule = rule_of(rules, call.name);
    CAPTURE(call.name, call.arguments);
    const auto arguments = nlohmann::json::parse(call.arguments);
    REQUIRE(arguments.is_object());
    for (const auto& [key, value] : arguments.items()) {
        const auto known = std::find_if(rule.parameters.begin(), rule.parameters.end(),
                                        [&](const ParameterRule& p) { return p.name == key; });
        if (known == rule.parameters.end()) {
            CHECK(rule.any_parameter);
        } else {
            CHECK(fits(value, known->kinds));
        }
    }
}

struct Walk {
    CallAnswer answer;
    bool opened = false;
};

Walk walk(AnswerMask& mask, const std::shared_ptr<const CallGrammar>& grammar, bool thinking,
          std::mt19937& random) {
    AnswerStream stream = stream_of(grammar, thinking);
    Walk walk;
    for (int n = 0; n < 300 && stream.state() != State::ended; ++n) {
        const auto ids = allowed(mask.next(stream));
        REQUIRE_FALSE(ids.empty());
        const bool in_calls = stream.state() == State::calls;
        if (in_calls) CHECK_FALSE(is_among(ids, Control::eos));
        if (in_calls && random() % 16 == 0) {
            const auto place = stream.calls()->machine().place();
            if (place.at != CallMachine::At::text) CHECK(ids == tried(stream));
        }
        TokenDelta delta;
        stream.push(pick(ids, random, n > 100), {}, delta);
        take(delta, walk.answer);
        walk.opened |= stream.calls() != nullptr;
        if (stream.calls()) REQUIRE_FALSE(stream.calls()->broken());
    }
    walk.answer.ended = stream.state() == State::ended;
    if (walk.answer.ended) walk.answer.reason = stream.reason();
    return walk;
}

}  // namespace

TEST_CASE("answer mask: whatever is sampled, a block can be read", "[engine]") {
    REQUIRE(writes_every_byte(small_tokenizer()));
    std::mt19937 random(29);
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    int n_calls = 0;
    for (int round = 0; round < 300; ++round) {
        ToolChoice choice;
        if (random() % 2) choice.mode = ToolChoice::Mode::required;
        if (random() % 3 == 0) choice.only = {"get", "free"};
        choice.n_calls_max = static_cast<int>(random() % 3);
        const auto grammar = grammar_of(choice);
        const auto [answer, opened] = walk(mask, grammar, random() % 2, random);
        if (!answer.ended) continue;
        CHECK(answer.calls.size() == answer.whole.size());
        if (opened) CHECK(answer.reason == FinishReason::tool_calls);
        if (choice.mode == ToolChoice::Mode::required) CHECK(opened);
        if (choice.n_calls_max > 0) {
            CHECK(answer.whole.size() <= static_cast<size_t>(choice.n_calls_max));
        }
        for (const ToolCall& call : answer.whole) check_call(call, grammar->tools());
        n_calls += static_cast<int>(answer.whole.size());
    }
    CHECK(n_calls > 100);
}

TEST_CASE("answer mask: the DSML token comes behind a < and nowhere else", "[engine]") {
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    const int32_t bar = encode("｜").at(0);
    for (const bool thinking : {false, true}) {
        for (const auto mode : {ToolChoice::Mode::automatic, ToolChoice::Mode::none}) {
            AnswerStream stream = stream_of(grammar_of({mode, {}, 0}), thinking);
            const auto after = [&](std::string_view text) {
                TokenDelta delta;
                for (const int32_t token : encode(text)) stream.push(token, {}, delta);
                return allowed(mask.next(stream));
            };
            const bool may_call = mode == ToolChoice::Mode::automatic;
            const auto has_bar = [bar](const std::vector<int32_t>& ids) {
                return std::find(ids.begin(), ids.end(), bar) != ids.end();
            };
            CHECK_FALSE(is_among(after(""), Control::dsml));
            CHECK(has_bar(after("a")));
            CHECK(is_among(after("\n\n<"), Control::dsml) == may_call);
            CHECK_FALSE(has_bar(after("<")));
            CHECK_FALSE(is_among(after("/"), Control::dsml));
            CHECK_FALSE(has_bar(after("</")));
            CHECK(has_bar(after("p")));
            CHECK(is_among(after(""), Control::eos));
            CHECK(is_among(after(""), Control::think_end) == thinking);
        }
    }
}

TEST_CASE("answer mask: without tools it is that of text alone", "[engine]") {
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    const AnswerTokens tokens = answer_tokens(small_tokenizer(), small_controls(), mask_rows());
    for (const bool thinking : {false, true}) {
        AnswerStream stream = stream_of(nullptr, thinking);
        TokenDelta delta;
        for (const int32_t token : encode("a\n\n<")) {
            const auto now = mask.next(stream);
            const auto& expected = thinking ? tokens.thinking : tokens.content;
            CHECK(std::equal(now.begin(), now.end(), expected.begin(), expected.end()));
            stream.push(token, {}, delta);
        }
        CHECK_FALSE(is_among(allowed(mask.next(stream)), Control::dsml));
    }
}

TEST_CASE("answer mask: answers that must call end in no other way", "[engine]") {
    AnswerMask mask(small_tokenizer(), small_controls(), mask_rows());
    const auto grammar = grammar_of({ToolChoice::Mode::required, {"get_time"}, 1});
    for (const bool thinking : {false, true}) {
        AnswerStream stream = stream_of(grammar, thinking);
        std::string said;
        while (stream.state() != State::ended) {
            const auto ids = allowed(mask.next(stream));
            CHECK_FALSE(is_among(ids, Control::eos));
            const int32_t id = is_among(ids, Control::think_end)
                                   ? small_controls()[Control::think_end]
                                   : ids.at(0);
            said += small_tokenizer().bytes(id);
            TokenDelta delta;
            stream.push(id, {}, delta);
        }
        CHECK(said == std::string(thinking ? "</think>" : "") +
                          "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"get_time\">\n\n"
                          "</｜DSML｜invoke>\n</｜DSML｜tool_calls>");
        CHECK(stream.reason() == FinishReason::tool_calls);
    }
}

TEST_CASE("answer mask: a spent budget leaves </think> alone", "[engine]") {
    AnswerMask mask(small_tokenizer(), small_controls(), small_tokenizer().n_ids() + 3);
    std::mt19937 random(8);
    for (const int64_t n_max : {1, 2, 7}) {
        for (const auto& grammar : {grammar_of(), std::shared_ptr<const CallGrammar>()}) {
            AnswerStream stream(small_tokenizer(), small_controls(), true, {}, {grammar}, n_max);
            const int32_t think_end = small_controls()[Control::think_end];
            TokenDelta delta;
            while (stream.state() == State::thinking) {
                const auto ids = allowed(mask.next(stream));
                const bool spent = stream.n_reasoning() + 1 == n_max;
                CHECK(spent == (ids == std::vector<int32_t>{think_end}));
                stream.push(spent ? think_end : encode("<").at(0), {}, delta);
            }
            CHECK(stream.n_reasoning() == n_max);
            CHECK(stream.state() == State::content);
            CHECK(allowed(mask.next(stream)).size() > 100);
        }
    }
}
