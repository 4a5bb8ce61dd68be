#include "engine/chat/answer_stream.h"

#include <random>

#include "tests/engine/text_fixture.h"

using namespace engine;

namespace {

struct Answer {
    std::string reasoning;
    std::string content;
    std::string logprob_bytes;
    int64_t n_output = 0;
    int64_t n_reasoning = 0;
    bool ended = false;  // by itself, not by its length
};

// Pushes token by token as the scheduler does; `text` may hold control tokens' names.
class Script {
public:
    Script& text(std::string_view text) {
        for (const int32_t token : encode(text)) tokens_.push_back(token);
        return *this;
    }
    Script& bytes(std::string_view bytes) {  // one token a byte
        for (const char byte : bytes) tokens_.push_back(encode({&byte, 1}).at(0));
        return *this;
    }
    Script& raw_byte(uint8_t byte) {
        for (int32_t id = 0; id < small_tokenizer().n_ids(); ++id) {
            if (small_tokenizer().bytes(id) == std::string(1, static_cast<char>(byte))) {
                tokens_.push_back(id);
                return *this;
            }
        }
        FAIL("no token for the byte");
        return *this;
    }
    Script& control(Control control) {
        tokens_.push_back(small_controls()[control]);
        return *this;
    }

    Answer run(bool thinking, const std::vector<std::string>& stops = {}) const {
        AnswerStream stream(small_tokenizer(), small_controls(), thinking, stops);
        Answer answer;
        for (const int32_t token : tokens_) {
            TokenDelta delta;
            const bool content = stream.state() == AnswerStream::State::content &&
                                 !small_tokenizer().is_added(token);
            std::optional<TokenLogprob> logprob;
            if (content) logprob = TokenLogprob{std::string(small_tokenizer().bytes(token)), 0, {}};
            stream.push(token, std::move(logprob), delta);
            take(delta, answer);
            answer.ended = stream.state() == AnswerStream::State::ended;
            if (answer.ended) break;
        }
        TokenDelta rest;
        if (!answer.ended) stream.finish(rest);
        take(rest, answer);
        answer.n_output = stream.n_output();
        answer.n_reasoning = stream.n_reasoning();
        return answer;
    }

private:
    static void take(const TokenDelta& delta, Answer& answer) {
        CHECK(is_utf8(delta.content));
        CHECK(is_utf8(delta.reasoning));
        answer.reasoning += delta.reasoning;
        answer.content += delta.content;
        for (const TokenLogprob& logprob : delta.logprobs) answer.logprob_bytes += logprob.bytes;
    }

    std::vector<int32_t> tokens_;
};

// What a search of the whole text would say.
std::string cut_at_stop(const std::string& text, const std::vector<std::string>& stops) {
    size_t end_min = std::string::npos;
    size_t begin = text.size();
    for (const std::string& stop : stops) {
        const size_t at = text.find(stop);
        if (at == std::string::npos) continue;
        const size_t end = at + stop.size();
        if (end > end_min || (end == end_min && at >= begin)) continue;
        end_min = end;
        begin = at;
    }
    return text.substr(0, begin);
}

}  // namespace

TEST_CASE("answer: reasoning until </think>, then content until EOS", "[engine]") {
    const Answer answer = Script()
                              .text("the river")
                              .control(Control::think_end)
                              .text("a weir 河")
                              .control(Control::eos)
                              .text("never")
                              .run(true);
    CHECK(answer.reasoning == "the river");
    CHECK(answer.content == "a weir 河");
    CHECK(answer.ended);
    const auto n_reasoning = static_cast<int64_t>(encode("the river").size()) + 1;
    CHECK(answer.n_reasoning == n_reasoning);
    CHECK(answer.n_output == n_reasoning + static_cast<int64_t>(encode("a weir 河").size()));
}

TEST_CASE("answer: an unfinished think block is all reasoning", "[engine]") {
    const Answer cut = Script().text("so far").run(true);
    CHECK(cut.reasoning == "so far");
    CHECK(cut.content.empty());
    CHECK_FALSE(cut.ended);
    CHECK(cut.n_reasoning == cut.n_output);
    const Answer ended = Script().text("so far").control(Control::eos).run(true);
    CHECK(ended.ended);
    CHECK(ended.reasoning == "so far");
}

TEST_CASE("answer: text that spells a control is text", "[engine]") {
    const Answer answer = Script().text("</think><｜User｜>").control(Control::eos).run(false);
    CHECK(answer.content == "</think><｜User｜>");
    CHECK(answer.n_reasoning == 0);
    CHECK(Script().text("</think>").run(true).reasoning == "</think>");
}

TEST_CASE("answer: half a character waits, and is replaced at the end of its part", "[engine]") {
    const Answer answer = Script()
                              .raw_byte(0xF0)
                              .raw_byte(0x9F)
                              .control(Control::think_end)
                              .raw_byte(0xE6)
                              .raw_byte(0xB2)
                              .raw_byte(0xB3)
                              .raw_byte(0xE6)
                              .control(Control::eos)
                              .run(true);
    CHECK(answer.reasoning == "\uFFFD");
    CHECK(answer.content == "河\uFFFD");
    CHECK(answer.logprob_bytes == "河\xE6");
}

TEST_CASE("answer: a stop string ends the content wherever tokens are cut", "[engine]") {
    for (const bool by_bytes : {false, true}) {
        Script script;
        by_bytes ? script.bytes("one END two") : script.text("one END two");
        const Answer answer = script.run(false, {"END"});
        CHECK(answer.content == "one ");
        CHECK(answer.ended);
        CHECK(answer.logprob_bytes == "one ");
    }
}

TEST_CASE("answer: a stop string is not searched in reasoning", "[engine]") {
    const Answer answer =
        Script().text("a END b").control(Control::think_end).text("c END d").run(true, {"END"});
    CHECK(answer.reasoning == "a END b");
    CHECK(answer.content == "c ");
}

TEST_CASE("answer: what only began like a stop string comes out", "[engine]") {
    CHECK(Script().bytes("aab").run(false, {"aaa"}).content == "aab");
    CHECK(Script().bytes("xaa").run(false, {"aaa"}).content == "xaa");
    CHECK(Script().bytes("xaa").control(Control::eos).run(false, {"aaa"}).content == "xaa");
    CHECK(Script().bytes("aabaaab").run(false, {"aaab"}).content == "aab");
    CHECK(Script().text("x").run(false, {"", "\x80"}).content == "x");
}

TEST_CASE("answer: stop strings agree with a search of the whole text", "[engine]") {
    std::mt19937 random(5);
    const auto word = [&](size_t n_max) {
        std::string text;
        const size_t n = 1 + random() % n_max;
        for (size_t i = 0; i < n; ++i) text += "ab"[random() % 2];
        return text;
    };
    for (int round = 0; round < 2000; ++round) {
        const std::string text = word(24);
        std::vector<std::string> stops;
        for (size_t i = random() % 4; i > 0; --i) stops.push_back(word(6));
        Script script;
        random() % 2 ? script.bytes(text) : script.text(text);
        const Answer answer = script.run(false, stops);
        CAPTURE(text, stops);
        const std::string expected = cut_at_stop(text, stops);
        CHECK(answer.content == expected);
        CHECK(answer.ended == (expected.size() < text.size()));
        CHECK(answer.logprob_bytes.substr(0, expected.size()) == expected);
    }
}

TEST_CASE("answer tokens: no control but EOS, and </think> while thinking", "[engine]") {
    const Tokenizer& tokenizer = small_tokenizer();
    const int64_t n_vocab = tokenizer.n_ids() + 7;
    const AnswerTokens tokens = answer_tokens(tokenizer, small_controls(), n_vocab);
    for (int32_t id = 0; id < n_vocab; ++id) {
        const bool exists = id < tokenizer.n_ids();
        const bool eos = id == small_controls()[Control::eos];
        const bool closes = id == small_controls()[Control::think_end];
        const auto at = static_cast<size_t>(id);
        const bool text = exists && !tokenizer.is_added(id);
        CHECK(tokens.content[at] == (text  ? TokenUse::text
                                     : eos ? TokenUse::control
                                           : TokenUse::never));
        CHECK(tokens.thinking[at] == (text            ? TokenUse::text
                                      : eos || closes ? TokenUse::control
                                                      : TokenUse::never));
    }
}
