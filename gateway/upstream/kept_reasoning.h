#pragma once
// What is kept of the reasoning behind the tool calls of one account's conversation, and behind the
// answers that their results led to.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/upstream/reasoning_store.h"

namespace gateway {

// Where reasoning in plain text is kept: whoever made it, any endpoint reads it. What is encrypted
// is kept by the endpoint's name, for nobody else can.
inline constexpr std::string_view kPlainReasoning = "";

class KeptReasoning {
public:
    // `store` outlives this.
    KeptReasoning(const ReasoningStore& store, uint64_t account, std::string_view place)
        : store_(&store), account_(account), place_(place) {}
    // Behind a message's tool_calls, or its content where it calls nothing, both as JSON; null:
    // none is kept.
    std::shared_ptr<const std::string> behind(std::string_view calls,
                                              std::string_view content) const;

private:
    const ReasoningStore* store_;
    uint64_t account_;
    std::string place_;
};

// The name of an answer that called nothing, in place of a call's id: it stands for the text.
std::string name_of_answer(std::string_view text);

// The tool_calls, as JSON, of the message with which the turn began that goes on with the results
// at the end of `messages`, a JSON array; empty: it does not end with results.
std::string_view open_calls(std::string_view messages);

// Never below the tokens that are added to the prompt by what is kept of all calls of `messages`, a
// JSON array.
int64_t n_kept_tokens_max(std::string_view messages, const KeptReasoning& kept);

}  // namespace gateway
