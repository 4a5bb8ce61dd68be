#pragma once
// One message as the official encoder takes it.
#include <optional>
#include <string>
#include <vector>

#include "engine/chat/segment.h"
#include "engine/engine.h"

namespace engine {

enum class TurnRole : uint8_t { system, user, developer, assistant, latest_reminder, tool };

// Part of a user turn once tool results have joined it.
struct Block {
    bool is_result = false;
    std::string call_id;  // of a result
    std::string text;
};

struct Turn {
    TurnRole role = TurnRole::user;
    std::string content;
    std::string tool_call_id;     // tool
    std::string reasoning;        // assistant
    std::vector<ToolCall> calls;  // assistant
    std::string tools;  // system and developer: a JSON array as OpenAI spells it, or empty
    std::string response_format;  // system and developer: JSON, or empty
    std::optional<Control> task;  // what the turn is to be used for
    bool without_eos = false;     // assistant: to be continued
    std::vector<Block> blocks;    // user, after merge_results()
};

// Results become parts of user turns, neighbouring user turns become one.
std::vector<Turn> merge_results(std::vector<Turn> turns);
// Puts several results of one turn into the order of the calls they answer.
void sort_results(std::vector<Turn>& turns);
// Takes the reasoning out of earlier answers, and developer turns out altogether: all that stands
// before the last user or developer turn.
std::vector<Turn> drop_reasoning(std::vector<Turn> turns);
// Of the last user or developer turn; -1 without one.
int64_t last_user_index(const std::vector<Turn>& turns);

}  // namespace engine
