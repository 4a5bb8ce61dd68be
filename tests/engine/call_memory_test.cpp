#include "engine/calls/call_memory.h"

#include <algorithm>

#include "engine/chat/chat_encoding.h"
#include "tests/engine/calls_fixture.h"

using namespace engine;
using config::Effort;
using config::Encoding;

namespace {

constexpr uint64_t kOwner = 5;

// The conversation that a client sends back.
Conversation replay(const CallAnswer& answer) {
    Conversation conversation;
    conversation.messages = {{Role::user, "q"},
                             {Role::assistant, answer.content, answer.reasoning, answer.whole}};
    for (const ToolCall& call : answer.whole) {
        conversation.messages.push_back({Role::tool, "r", {}, {}, call.id});
    }
    conversation.tools = kTools;
    conversation.owner = kOwner;
    return conversation;
}

std::vector<int32_t> prompt(const Conversation& conversation, const CallMemory* memory) {
    const auto segments = render_chat(conversation, Encoding::v0731, Effort::low, memory);
    REQUIRE(segments);
    const auto tokens = encode_segments(*segments, small_tokenizer(), small_controls(), 100'000);
    REQUIRE(tokens);
    CHECK(decode(*tokens) == text_of(*segments));
    return *tokens;
}

bool holds(const std::vector<int32_t>& all, const std::vector<int32_t>& part) {
    return std::search(all.begin(), all.end(), part.begin(), part.end()) != all.end();
}

// In other tokens than the tokenizer would choose.
std::vector<int32_t> by_bytes(std::string_view text) {
    std::vector<int32_t> tokens;
    for (const int32_t token : written(text)) {
        if (small_tokenizer().is_added(token)) {
            tokens.push_back(token);
            continue;
        }
        for (const char byte : small_tokenizer().bytes(token)) {
            for (int32_t id = 0; id < small_tokenizer().n_ids(); ++id) {
                if (small_tokenizer().bytes(id) == std::string_view(&byte, 1)) {
                    tokens.push_back(id);
                    break;
                }
            }
        }
    }
    return tokens;
}

CallMemory::Block block(uint64_t owner, const std::string& id, size_t n_bytes) {
    return {owner, {{id, "f", "{}"}}, false, {}, std::string(n_bytes, 'x'), {}};
}

}  // namespace

TEST_CASE("call memory: the next prompt holds what the model wrote, token by token", "[engine]") {
    CallMemory memory(1 << 20);
    const std::string before = "so</think>I look.";
    for (const char* lead : {"\n\n", "\n", "\n\n\n", ""}) {
        const auto block = by_bytes(kTwoCalls.substr(1));
        auto tokens = written(before + lead + "<");
        tokens.insert(tokens.end(), block.begin(), block.end());
        const CallAnswer answer = run(tokens, {grammar_of(), true, {}, &memory, kOwner});
        REQUIRE(answer.whole.size() == 2);
        CHECK(answer.content == "I look.");
        const auto again = prompt(replay(answer), &memory);
        CHECK(holds(again, block));
        CHECK(decode(again).find("<think>" + before + lead + kTwoCalls + "<｜end▁of▁sentence｜>") !=
              std::string::npos);
        CHECK_FALSE(holds(prompt(replay(answer), nullptr), block));
    }
}

TEST_CASE("call memory: a block that ended the reasoning stands there again", "[engine]") {
    CallMemory memory(1 << 20);
    const CallAnswer answer =
        run(written("so I look\n\n" + kTwoCalls), {grammar_of(), true, {}, &memory, kOwner});
    CHECK(decode(prompt(replay(answer), &memory))
              .find("<think>so I look\n\n" + kTwoCalls + "<｜end▁of▁sentence｜>") !=
          std::string::npos);
}

TEST_CASE("call memory: other calls, and calls of others, are printed", "[engine]") {
    CallMemory memory(1 << 20);
    const auto tokens = written("</think>\n" + kTwoCalls);
    const CallAnswer answer = run(tokens, {grammar_of(), true, {}, &memory, kOwner});
    const auto written_again = [&](const Conversation& conversation) {
        return prompt(conversation, &memory) != prompt(conversation, nullptr);
    };
    CHECK(written_again(replay(answer)));

    Conversation spaced = replay(answer);
    spaced.messages[1].tool_calls[1].arguments = R"({"n":-12,"any":{"k":[1,"</x>",true]}})";
    CHECK(written_again(spaced));
    Conversation other = replay(answer);
    other.owner = kOwner + 1;
    CHECK_FALSE(written_again(other));
    other = replay(answer);
    other.messages[1].tool_calls[1].arguments = R"({"n": -13, "any": {"k":[1, "</x>", true]}})";
    CHECK_FALSE(written_again(other));
    other = replay(answer);
    other.messages[1].tool_calls[1].id += "x";
    CHECK_FALSE(written_again(other));
    other = replay(answer);
    other.messages[1].tool_calls.pop_back();
    other.messages.pop_back();
    CHECK_FALSE(written_again(other));
}

TEST_CASE("call memory: an answer that was cut is not remembered", "[engine]") {
    CallMemory memory(1 << 20);
    auto tokens = written("</think>\n" + kTwoCalls);
    tokens.pop_back();
    const CallAnswer answer = run(tokens, {grammar_of(), true, {}, &memory, kOwner});
    REQUIRE(answer.whole.size() == 2);
    CHECK_FALSE(memory.find(kOwner, answer.whole));
}

TEST_CASE("call memory: the oldest go", "[engine]") {
    CallMemory memory(20'000);
    for (int i = 0; i < 100; ++i) memory.remember(block(1, std::to_string(i), 1'000));
    const auto knows = [&](int i) {
        return memory.find(1, {{std::to_string(i), "f", "{}"}}) != nullptr;
    };
    CHECK(knows(99));
    CHECK_FALSE(knows(0));
    int n_known = 0;
    for (int i = 0; i < 100; ++i) n_known += knows(i);
    CHECK(n_known >= 10);
    CHECK(n_known < 20);
    for (int i = 100 - n_known; i < 100; ++i) CHECK(knows(i));
    memory.remember(block(1, "large", 30'000));
    CHECK_FALSE(memory.find(1, {{"large", "f", "{}"}}));
    CHECK_FALSE(memory.find(1, {}));
}
