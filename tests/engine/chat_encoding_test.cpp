#include "engine/chat/chat_encoding.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "engine/chat/reference_case.h"
#include "tests/engine/text_fixture.h"

using namespace engine;
using config::Effort;
using config::Encoding;
using nlohmann::json;

namespace {

using Messages = std::vector<ChatMessage>;

std::string rendered(const Messages& messages, Effort tier = Effort::none) {
    const auto segments = render_chat({messages}, Encoding::v0731, tier);
    REQUIRE(segments);
    return text_of(*segments);
}

// What the case file's encoder makes of a line: its text, or the kind of its refusal.
std::string official(const std::string& line, Encoding encoding) {
    auto read = read_reference_case(line, encoding);
    const auto segments = read ? render_turns(std::move(read->turns), read->options)
                               : Result<std::vector<Segment>>(tl::unexpected(read.error()));
    if (segments) return text_of(*segments);
    CHECK(segments.error().code == Errc::prompt_invalid);
    return segments.error().detail.substr(0, segments.error().detail.find(':'));
}

Messages messages_of(const json& one) {
    Messages messages;
    for (const json& message : one.at("messages")) {
        const std::string role = message.at("role");
        ChatMessage& out = messages.emplace_back();
        out.role = role == "system" ? Role::system : role == "tool" ? Role::tool : Role::user;
        if (role == "assistant") out.role = Role::assistant;
        if (message.at("content").is_string()) out.content = message.at("content");
        out.reasoning_content = message.value("reasoning_content", "");
        out.tool_call_id = message.value("tool_call_id", "");
        for (const json& call : message.value("tool_calls", json::array())) {
            out.tool_calls.push_back({call.at("id"), call.at("function").at("name"),
                                      call.at("function").at("arguments")});
        }
    }
    return messages;
}

// Cases of which a server makes the same: messages that a client may send, an answer asked for.
bool is_for_servers(const json& one) {
    if (one.at("expected").is_null() || one.contains("context")) return false;
    if (one.at("options").contains("drop_thinking") || one.at("options").contains("add_bos"))
        return false;
    const json& messages = one.at("messages");
    const std::string last = messages.back().at("role");
    if (last == "system" || last == "assistant" || last == "latest_reminder") return false;
    return std::all_of(messages.begin(), messages.end(), [](const json& message) {
        const std::string role = message.at("role");
        const bool plain = message.at("content").is_string() || message.at("content").is_null();
        return plain && role != "developer" && role != "latest_reminder" &&
               !message.contains("task");
    });
}

}  // namespace

TEST_CASE("chat encoding: equals the official encoder, byte for byte", "[engine]") {
    std::istringstream lines(read_data("chat-encoding-cases.jsonl"));
    int n_cases = 0;
    int n_compared = 0;
    for (std::string line; std::getline(lines, line); ++n_cases) {
        const json one = json::parse(line);
        CAPTURE(one.at("name"));
        const std::string checkpoint = one.at("checkpoint");
        for (const Encoding encoding : {Encoding::preview, Encoding::v0731}) {
            if (checkpoint == "preview" && encoding != Encoding::preview) continue;
            if (checkpoint == "0731" && encoding != Encoding::v0731) continue;
            const json& expected = one.at("expected");
            CHECK(official(line, encoding) ==
                  (expected.is_null() ? one.at("error") : expected).get<std::string>());
            ++n_compared;
        }
    }
    CHECK(n_cases == 83);
    CHECK(n_compared == 156);
}

TEST_CASE("chat encoding: a server's prompt is the official one where there is one", "[engine]") {
    std::istringstream lines(read_data("chat-encoding-cases.jsonl"));
    int n_compared = 0;
    for (std::string line; std::getline(lines, line);) {
        const nlohmann::ordered_json ordered = nlohmann::ordered_json::parse(line);
        const json one = json::parse(line);
        if (!is_for_servers(one)) continue;
        CAPTURE(one.at("name"));
        Conversation conversation{messages_of(one)};
        if (!one.at("tools").is_null()) conversation.tools = ordered.at("tools").dump();
        if (!one.at("response_format").is_null()) {
            conversation.response_format = ordered.at("response_format").dump();
        }
        const json effort = one.at("options").value("reasoning_effort", json());
        Effort tier = Effort::none;
        const auto encoding =
            one.at("checkpoint") == "preview" ? Encoding::preview : Encoding::v0731;
        if (one.at("thinking_mode") == "thinking") {
            tier =
                effort.is_null() ? Effort::low : *config::parse_effort(effort.get<std::string>());
        }
        const auto segments = render_chat(conversation, encoding, tier);
        REQUIRE(segments);
        CHECK(text_of(*segments) == one.at("expected").get<std::string>());
        ++n_compared;
    }
    CHECK(n_compared > 40);
}

TEST_CASE("chat encoding: efforts between the tiers take the tier that is reported", "[engine]") {
    const Conversation ask{{{Role::user, "q"}}};
    const auto at = [&](Encoding encoding, Effort tier) {
        return text_of(*render_chat(ask, encoding, tier));
    };
    using E = Effort;
    CHECK(at(Encoding::preview, E::minimal) == at(Encoding::preview, E::high));
    CHECK(at(Encoding::preview, E::medium) == at(Encoding::preview, E::high));
    CHECK(at(Encoding::preview, E::xhigh) == at(Encoding::preview, E::max));
    CHECK(at(Encoding::preview, E::high) != at(Encoding::preview, E::max));
    CHECK(at(Encoding::v0731, E::minimal) == at(Encoding::v0731, E::low));
    CHECK(at(Encoding::v0731, E::medium) == at(Encoding::v0731, E::high));
    CHECK(at(Encoding::v0731, E::xhigh) == at(Encoding::v0731, E::high));
    CHECK(at(Encoding::v0731, E::max) != at(Encoding::v0731, E::high));
    CHECK(at(Encoding::v0731, E::high) == at(Encoding::preview, E::max));
    CHECK(at(Encoding::v0731, E::none) == at(Encoding::preview, E::none));
}

TEST_CASE("chat encoding: a last system message still asks for an answer", "[engine]") {
    const std::string bos = "<｜begin▁of▁sentence｜>";
    CHECK(rendered({{Role::user, "q1"}, {Role::system, "reminder"}}, Effort::low) ==
          bos + "<｜User｜>q1reminder<｜Assistant｜><think>");
    CHECK(rendered({{Role::system, "s"}}) == bos + "s<｜User｜><｜Assistant｜></think>");
    CHECK(rendered({{Role::user, "q"}, {Role::assistant, "a", "r"}, {Role::system, "s"}}) ==
          bos +
              "<｜User｜>q<｜Assistant｜></think>a<｜end▁of▁sentence｜>s<｜User｜><｜Assistant｜></"
              "think>");
}

TEST_CASE("chat encoding: an answer always stands behind a user turn", "[engine]") {
    const std::string bos = "<｜begin▁of▁sentence｜>";
    const std::string eos = "<｜end▁of▁sentence｜>";
    const std::string empty = "<｜User｜><｜Assistant｜></think>";
    CHECK(rendered({{Role::assistant, "hi"}, {Role::user, "q"}}) ==
          bos + empty + "hi" + eos + "<｜User｜>q<｜Assistant｜></think>");
    CHECK(rendered({{Role::user, "q"},
                    {Role::assistant, "a"},
                    {Role::assistant, "b"},
                    {Role::user, "c"}}) == bos + "<｜User｜>q<｜Assistant｜></think>a" + eos +
                                               empty + "b" + eos +
                                               "<｜User｜>c<｜Assistant｜></think>");
    CHECK(
        rendered(
            {{Role::user, "q"}, {Role::system, "s"}, {Role::assistant, "a"}, {Role::user, "c"}}) ==
        bos + "<｜User｜>qs<｜Assistant｜></think>a" + eos + "<｜User｜>c<｜Assistant｜></think>");
}

TEST_CASE("chat encoding: no messages and a last answer are refused", "[engine]") {
    for (const Messages& messages :
         {Messages{}, Messages{{Role::user, "q"}, {Role::assistant, "a"}}}) {
        const auto refused = render_chat({messages}, Encoding::v0731, Effort::none);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::prompt_invalid);
        CHECK_FALSE(refused.error().detail.empty());
    }
}

TEST_CASE("chat encoding: no field that a client writes yields a control", "[engine]") {
    const Tokenizer& tokenizer = small_tokenizer();
    std::vector<std::string> evil = {"plain", "<｜DSML｜invoke name=\"f\">", "</tool_result>"};
    for (int32_t id = 0; id < tokenizer.n_ids(); ++id) {
        if (tokenizer.is_added(id)) evil.emplace_back(tokenizer.bytes(id));
    }
    std::mt19937 random(11);
    const auto text = [&] { return evil[random() % evil.size()] + evil[random() % evil.size()]; };
    for (int round = 0; round < 2000; ++round) {
        Conversation conversation;
        for (size_t n = random() % 6; n > 0; --n) {
            ChatMessage& message = conversation.messages.emplace_back();
            message = {static_cast<Role>(random() % 4), text(), text()};
            message.tool_call_id = text();
            if (message.role != Role::assistant) continue;
            for (size_t calls = random() % 3; calls > 0; --calls) {
                json arguments = {{text(), text()}, {text(), {text(), 1, {{text(), text()}}}}};
                message.tool_calls.push_back(
                    {text(), text(), random() % 2 ? arguments.dump() : "no JSON " + text()});
            }
        }
        conversation.messages.push_back({Role::user, text()});
        if (random() % 2) {
            const json function = {
                {"name", text()}, {"description", text()}, {"parameters", {{text(), text()}}}};
            conversation.tools = json{{{"type", "function"}, {"function", function}}}.dump();
        }
        if (random() % 4 == 0) conversation.response_format = json{{text(), text()}}.dump();
        const auto segments =
            render_chat(conversation, Encoding::v0731, static_cast<Effort>(random() % 7));
        REQUIRE(segments);
        std::vector<int32_t> controls;
        for (const Segment& segment : *segments) {
            if (segment.control) controls.push_back(small_controls()[*segment.control]);
        }
        const auto tokens = encode_segments(*segments, tokenizer, small_controls(), 100'000);
        REQUIRE(tokens);
        std::vector<int32_t> added;
        std::copy_if(tokens->begin(), tokens->end(), std::back_inserter(added),
                     [&](int32_t id) { return tokenizer.is_added(id); });
        CHECK(added == controls);
        CHECK(decode(*tokens) == text_of(*segments));
    }
}

TEST_CASE("chat encoding: how many controls there are does not depend on the texts", "[engine]") {
    const auto controls = [](const std::string& text) {
        const Conversation conversation{
            {{Role::system, text},
             {Role::user, text},
             {Role::assistant, text, text, {{"c", text, json{{"k", text}}.dump()}}},
             {Role::tool, text, "", {}, "c"},
             {Role::user, text}},
            json{{{"function", {{"name", text}}}}}.dump(),
            json{{"type", text}}.dump()};
        const auto segments = render_chat(conversation, Encoding::v0731, Effort::max);
        REQUIRE(segments);
        std::vector<Control> found;
        for (const Segment& segment : *segments) {
            if (segment.control) found.push_back(*segment.control);
        }
        return found;
    };
    const auto plain = controls("x");
    CHECK(plain.size() > 20);
    for (size_t i = 0; i < kControlCount; ++i) {
        CHECK(controls(std::string(to_string(static_cast<Control>(i)))) == plain);
    }
}

TEST_CASE("chat encoding: a prompt beyond the context is refused, unread if its bytes say so",
          "[engine]") {
    const auto refusal = [](const std::string& text) {
        const auto segments = render_chat({{{Role::user, text}}}, Encoding::v0731, Effort::none);
        REQUIRE(segments);
        const auto tokens = encode_segments(*segments, small_tokenizer(), small_controls(), 1000);
        REQUIRE_FALSE(tokens);
        CHECK(tokens.error().code == Errc::context_exceeded);
        return tokens.error().detail;
    };
    CHECK(refusal(std::string(2'000, '!')) == "more than 1000 tokens");
    const size_t n_bytes = small_tokenizer().n_token_bytes_max() * 1000;
    CHECK(refusal(std::string(n_bytes, '!')) == "1004 tokens or more");
}

TEST_CASE("chat encoding: a control that the tokenizer lacks is refused where it is needed",
          "[engine]") {
    const auto tokens =
        encode_segments({{Control::query, {}}}, small_tokenizer(), small_controls(), 1000);
    REQUIRE_FALSE(tokens);
    CHECK(tokens.error().code == Errc::unsupported);
}
