#pragma once
// The messages of a chat request as the turns of Anthropic's Messages API (openai-wire 5.1, 5.8).
// For .cpp files only.
#include <optional>
#include <string>

#include "gateway/upstream/chat_json.h"
#include "gateway/upstream/reasoning_store.h"

namespace gateway {

class MessagesTurns {
public:
    // Both outlive this. While it thinks, reasoning that is kept for calls goes back with them.
    MessagesTurns(const UpstreamCall& call, const ReasoningStore& reasoning)
        : call_(call), reasoning_(reasoning) {}

    // Of a request that was checked. False: see failure().
    bool add(const chat::json& message);
    Failure failure() { return std::move(*failure_); }

    // The texts of system and developer messages, in their order; [] if there are none.
    chat::json take_system() { return std::move(system_); }
    // Turns of user and assistant by turns. What is empty is left out: the vendor refuses it.
    chat::json take_turns() { return std::move(turns_); }

private:
    bool assistant(const chat::json& message);
    bool tool(const chat::json& message);
    // The blocks of an answer, in the order that is kept, or as well as that goes.
    chat::json in_order(const chat::json& kept, chat::json texts, chat::json calls) const;
    chat::json kept_blocks(const chat::json& calls) const;
    chat::json calls_of(const chat::json& message);
    chat::json blocks_of(const chat::json& content);
    chat::json block_of(const chat::json& part, size_t index);
    chat::json image(const chat::json& part, const std::string& place);
    void push(const char* role, chat::json blocks);
    bool refuse(Failure failure);
    std::string place(const std::string& within) const;

    const UpstreamCall& call_;
    const ReasoningStore& reasoning_;
    chat::json system_ = chat::json::array(), turns_ = chat::json::array();
    size_t n_messages_ = 0;  // that were added
    std::optional<Failure> failure_;
};

// The one cache_control of an object that is passed on; null: it has none. A ttl of an hour has no
// price of its own and is refused, at `place`.
chat::json cache_control_of(const chat::json& object, const std::string& place,
                            std::optional<Failure>& failure);

}  // namespace gateway
