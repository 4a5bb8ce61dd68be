#include "engine/chat/chat_encoding.h"

#include <algorithm>
#include <iterator>

#include "engine/chat/effort_prefix.h"
#include "engine/chat/tool_text.h"

namespace engine {
namespace {

tl::unexpected<Error> refuse(const std::string& detail) {
    return tl::unexpected(Error{Errc::prompt_invalid, detail});
}

class Renderer {
public:
    Renderer(const std::vector<Turn>& turns, const EncodingOptions& options, bool keeps)
        : turns_(turns), options_(options), keeps_(keeps), last_user_(last_user_index(turns)) {}

    Result<std::vector<Segment>> render(size_t begin) {
        if (options_.with_bos && options_.n_context == 0) out_.put(Control::bos);
        if (begin == 0 && options_.thinking) out_.put(options_.prefix);
        for (size_t i = begin; i < turns_.size(); ++i) {
            if (auto put = message(i); !put) return tl::unexpected(put.error());
            transition(i);
        }
        return out_.take();
    }

private:
    // Whether a think block at turn i stays open to be read again.
    bool thinks(size_t i) const {
        return options_.thinking && (keeps_ || static_cast<int64_t>(i) >= last_user_);
    }

    Result<void> message(size_t i) {
        const Turn& turn = turns_[i];
        switch (turn.role) {
            case TurnRole::system:
                out_.put(turn.content);
                return extras(turn);
            case TurnRole::developer:
                if (turn.content.empty()) return refuse("invalid_value: a developer says nothing");
                out_.put(Control::user);
                out_.put(turn.content);
                return extras(turn);
            case TurnRole::user:
                out_.put(Control::user);
                blocks(turn);
                return {};
            case TurnRole::latest_reminder:
                out_.put(Control::latest_reminder);
                out_.put(turn.content);
                return {};
            case TurnRole::assistant:
                return answer(i);
            case TurnRole::tool:
                break;  // none is left after merge_results()
        }
        return refuse("unsupported_role: a tool result that answers nothing");
    }

    Result<void> extras(const Turn& turn) {
        if (!turn.tools.empty()) {
            out_.put("\n\n");
            if (auto put = put_tools(out_, turn.tools); !put) return put;
        }
        if (turn.response_format.empty()) return {};
        out_.put("\n\n");
        return put_response_format(out_, turn.response_format);
    }

    void blocks(const Turn& turn) {
        for (const Block& block : turn.blocks) {
            if (&block != &turn.blocks.front()) out_.put("\n\n");
            if (block.is_result) out_.put("<tool_result>");
            out_.put(block.text);
            if (block.is_result) out_.put("</tool_result>");
        }
    }

    Result<void> answer(size_t i) {
        const Turn& turn = turns_[i];
        // The output of a task has no think block.
        const bool is_task_output = i > 0 && turns_[i - 1].task;
        const bool has_reasoning = options_.thinking && !is_task_output &&
                                   (keeps_ || static_cast<int64_t>(i) > last_user_);
        const auto written =
            options_.memory ? options_.memory->find(options_.owner, turn.calls) : nullptr;
        if (has_reasoning) {
            out_.put(turn.reasoning);
            if (!written || !written->in_reasoning) out_.put(Control::think_end);
        }
        out_.put(turn.content);
        if (written) {
            out_.put(written->lead);
            out_.put_written(written->text, written->tokens);
        } else if (!turn.calls.empty()) {
            if (auto put = put_calls(out_, turn.calls); !put) return put;
        }
        if (!turn.without_eos) out_.put(Control::eos);
        return {};
    }

    // Between a turn and the answer to it.
    void transition(size_t i) {
        const Turn& turn = turns_[i];
        const bool is_server = options_.rules == EncodingOptions::Rules::server;
        if (i + 1 < turns_.size()) {
            const TurnRole next = turns_[i + 1].role;
            if (next != TurnRole::assistant && next != TurnRole::latest_reminder) return;
        }
        if (turn.task) {
            if (*turn.task == Control::action) {
                out_.put(Control::assistant);
                out_.put(options_.thinking ? Control::think_begin : Control::think_end);
            }
            out_.put(*turn.task);
            return;
        }
        const bool asks = turn.role == TurnRole::user || turn.role == TurnRole::developer ||
                          (is_server && turn.role == TurnRole::system);
        if (!asks) return;
        out_.put(Control::assistant);
        out_.put(thinks(i) ? Control::think_begin : Control::think_end);
    }

    const std::vector<Turn>& turns_;
    const EncodingOptions& options_;
    const bool keeps_;  // reasoning of earlier answers
    const int64_t last_user_;
    SegmentWriter out_;
};

// A JSON array of something: the official encoder counts [] as none.
bool has_tools(const Turn& turn) {
    return turn.tools.find_first_not_of("[] \t\r\n") != std::string::npos;
}

TurnRole turn_role(Role role) {
    switch (role) {
        case Role::system:
            return TurnRole::system;
        case Role::user:
            return TurnRole::user;
        case Role::assistant:
            return TurnRole::assistant;
        case Role::tool:
            return TurnRole::tool;
    }
    return TurnRole::user;
}

std::vector<Turn> turns_of(const Conversation& conversation) {
    std::vector<Turn> turns;
    const bool has_extras = !conversation.tools.empty() || !conversation.response_format.empty();
    if (has_extras && conversation.messages.front().role != Role::system) {
        turns.emplace_back().role = TurnRole::system;
    }
    bool asked = false;  // a user turn waits for its answer
    for (const ChatMessage& message : conversation.messages) {
        if (message.role == Role::assistant && !asked) turns.push_back({});
        Turn turn;
        turn.role = turn_role(message.role);
        turn.content = message.content;
        turn.tool_call_id = message.tool_call_id;
        turn.reasoning = message.reasoning_content;
        turn.calls = message.tool_calls;
        turns.push_back(std::move(turn));
        if (message.role != Role::system) asked = message.role != Role::assistant;
    }
    if (!asked) turns.push_back({});
    if (has_extras) {
        turns.front().tools = conversation.tools;
        turns.front().response_format = conversation.response_format;
    }
    return turns;
}

}  // namespace

Result<std::vector<Segment>> render_turns(std::vector<Turn> turns, const EncodingOptions& options) {
    bool keeps = options.thinking && !options.drop_reasoning;
    for (Turn& turn : turns) {
        if (!has_tools(turn)) turn.tools.clear();
        keeps |= options.thinking && !turn.tools.empty();
    }
    const auto context_end = turns.begin() + static_cast<std::ptrdiff_t>(options.n_context);
    const auto moved = [](auto begin, auto end) {
        return std::vector<Turn>(std::make_move_iterator(begin), std::make_move_iterator(end));
    };
    // Results of the context and of what follows it do not join, but are sorted by calls of either.
    std::vector<Turn> rest = merge_results(moved(context_end, turns.end()));
    std::vector<Turn> all = moved(turns.begin(), context_end);
    std::vector<Turn> context = merge_results(all);
    const auto n_raw = static_cast<std::ptrdiff_t>(all.size());
    all.insert(all.end(), std::make_move_iterator(rest.begin()),
               std::make_move_iterator(rest.end()));
    sort_results(all);
    sort_results(context);
    size_t begin = context.size();
    if (options.thinking && !keeps && begin > 0) begin = drop_reasoning(context).size();
    context.insert(context.end(), std::make_move_iterator(all.begin() + n_raw),
                   std::make_move_iterator(all.end()));
    if (options.thinking && !keeps) context = drop_reasoning(std::move(context));
    return Renderer(context, options, keeps).render(std::min(begin, context.size()));
}

Result<std::vector<Segment>> render_chat(const Conversation& conversation,
                                         config::Encoding encoding, config::Effort tier,
                                         const CallMemory* memory) {
    if (conversation.messages.empty()) return refuse("there are no messages");
    if (conversation.messages.back().role == Role::assistant) {
        return refuse("the last message must be of the user, the system or a tool");
    }
    EncodingOptions options;
    options.thinking = tier != config::Effort::none;
    options.prefix = effort_prefix(encoding, tier);
    options.memory = memory;
    options.owner = conversation.owner;
    return render_turns(turns_of(conversation), options);
}

}  // namespace engine
