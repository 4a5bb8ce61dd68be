#include "engine/chat/chat_encoding.h"

#include "engine/chat/effort_prefix.h"

namespace engine {
namespace {

struct Turn {
    Role role;
    std::string text;
    std::string reasoning;
};

// One turn for neighbouring user messages, and a user turn before every answer, given or to come.
std::vector<Turn> turns_of(const std::vector<ChatMessage>& messages) {
    std::vector<Turn> turns;
    bool asked = false;  // a user turn waits for its answer
    for (const ChatMessage& message : messages) {
        if (message.role == Role::assistant && !asked) turns.push_back({Role::user, {}, {}});
        const bool joins =
            message.role == Role::user && !turns.empty() && turns.back().role == Role::user;
        if (joins) {
            turns.back().text += "\n\n" + message.content;
        } else {
            turns.push_back({message.role, message.content, message.reasoning_content});
        }
        if (message.role != Role::system) asked = message.role == Role::user;
    }
    if (!asked) turns.push_back({Role::user, {}, {}});
    return turns;
}

class Renderer {
public:
    Renderer(config::Effort tier, OldReasoning old_reasoning)
        : thinks_(tier != config::Effort::none),
          keeps_(thinks_ && old_reasoning == OldReasoning::keep) {}

    std::vector<Segment> render(const std::vector<Turn>& turns, std::string_view prefix) {
        put(Control::bos);
        put(prefix);
        for (const Turn& turn : turns) {
            switch (turn.role) {
                case Role::system:
                    put(turn.text);
                    break;
                case Role::user:
                    put(Control::user);
                    put(turn.text);
                    break;
                case Role::assistant:
                    answer(turn);
                    break;
            }
        }
        put(Control::assistant);
        put(thinks_ ? Control::think_begin : Control::think_end);
        return std::move(segments_);
    }

private:
    // A think block that is dropped leaves its closing tag.
    void answer(const Turn& turn) {
        put(Control::assistant);
        if (keeps_) {
            put(Control::think_begin);
            put(turn.reasoning);
        }
        put(Control::think_end);
        put(turn.text);
        put(Control::eos);
    }

    void put(Control control) { segments_.push_back({control, {}}); }
    void put(std::string_view text) {
        if (text.empty()) return;
        if (segments_.back().control) segments_.push_back({std::nullopt, {}});
        segments_.back().text += text;
    }

    const bool thinks_;
    const bool keeps_;
    std::vector<Segment> segments_;
};

}  // namespace

std::string_view to_string(Control control) {
    switch (control) {
        case Control::bos:
            return "<｜begin▁of▁sentence｜>";
        case Control::eos:
            return "<｜end▁of▁sentence｜>";
        case Control::user:
            return "<｜User｜>";
        case Control::assistant:
            return "<｜Assistant｜>";
        case Control::think_begin:
            return "<think>";
        case Control::think_end:
            return "</think>";
    }
    return {};
}

Result<std::vector<Segment>> render_chat(const std::vector<ChatMessage>& messages,
                                         config::Encoding encoding, config::Effort tier,
                                         OldReasoning old_reasoning) {
    if (messages.empty())
        return tl::unexpected(Error{Errc::prompt_invalid, "there are no messages"});
    if (messages.back().role == Role::assistant) {
        return tl::unexpected(
            Error{Errc::prompt_invalid, "the last message must be of the user or the system"});
    }
    return Renderer(tier, old_reasoning).render(turns_of(messages), effort_prefix(encoding, tier));
}

}  // namespace engine
