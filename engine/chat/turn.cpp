#include "engine/chat/turn.h"

#include <algorithm>
#include <unordered_map>

namespace engine {

std::vector<Turn> merge_results(std::vector<Turn> turns) {
    std::vector<Turn> merged;
    for (Turn& turn : turns) {
        const bool is_result = turn.role == TurnRole::tool;
        if (!is_result && turn.role != TurnRole::user) {
            merged.push_back(std::move(turn));
            continue;
        }
        const bool follows_user = !merged.empty() && merged.back().role == TurnRole::user;
        const bool joins = follows_user && (is_result || !merged.back().task);
        if (!joins) {
            Turn user;
            user.task = turn.task;
            merged.push_back(std::move(user));
        }
        merged.back().blocks.push_back(
            {is_result, std::move(turn.tool_call_id), std::move(turn.content)});
    }
    return merged;
}

void sort_results(std::vector<Turn>& turns) {
    std::unordered_map<std::string, size_t> order;  // of the calls of the latest answer with calls
    const auto place = [&order](const Block& block) {
        const auto found = order.find(block.call_id);
        return found == order.end() ? 0 : found->second;
    };
    for (Turn& turn : turns) {
        if (!turn.calls.empty()) {
            order.clear();
            for (size_t i = 0; i < turn.calls.size(); ++i) {
                if (!turn.calls[i].id.empty()) order[turn.calls[i].id] = i;
            }
        }
        if (order.empty()) continue;
        std::vector<Block> results;
        for (const Block& block : turn.blocks) {
            if (block.is_result) results.push_back(block);
        }
        if (results.size() < 2) continue;
        std::stable_sort(results.begin(), results.end(),
                         [&](const Block& a, const Block& b) { return place(a) < place(b); });
        auto next = results.begin();
        for (Block& block : turn.blocks) {
            if (block.is_result) block = std::move(*next++);
        }
    }
}

std::vector<Turn> drop_reasoning(std::vector<Turn> turns) {
    const int64_t last_user = last_user_index(turns);
    std::vector<Turn> kept;
    for (size_t i = 0; i < turns.size(); ++i) {
        const bool is_old = static_cast<int64_t>(i) < last_user;
        if (is_old && turns[i].role == TurnRole::developer) continue;
        kept.push_back(std::move(turns[i]));
        if (is_old) kept.back().reasoning.clear();
    }
    return kept;
}

int64_t last_user_index(const std::vector<Turn>& turns) {
    for (size_t i = turns.size(); i-- > 0;) {
        const TurnRole role = turns[i].role;
        if (role == TurnRole::user || role == TurnRole::developer) return static_cast<int64_t>(i);
    }
    return -1;
}

}  // namespace engine
