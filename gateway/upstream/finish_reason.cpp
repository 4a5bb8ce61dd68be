#include "gateway/upstream/finish_reason.h"

#include <array>

namespace gateway {

namespace {

struct Rule {
    std::string_view said;
    std::string_view word;  // empty: broken
};

constexpr std::array kRules = {
    Rule{"stop", "stop"},
    Rule{"length", "length"},
    Rule{"tool_calls", "tool_calls"},
    Rule{"content_filter", "content_filter"},
    Rule{"function_call", "function_call"},
    Rule{"eos", "stop"},
    Rule{"eos_token", "stop"},
    Rule{"end_turn", "stop"},
    Rule{"stop_sequence", "stop"},
    Rule{"pause_turn", "stop"},
    Rule{"STOP", "stop"},
    Rule{"COMPLETE", "stop"},
    Rule{"max_tokens", "length"},
    Rule{"MAX_TOKENS", "length"},
    Rule{"model_length", "length"},
    Rule{"model_context_window_exceeded", "length"},
    Rule{"tool_use", "tool_calls"},
    Rule{"tool_call", "tool_calls"},
    Rule{"SAFETY", "content_filter"},
    Rule{"safety", "content_filter"},
    Rule{"refusal", "content_filter"},
    Rule{"sensitive", "content_filter"},
    Rule{"insufficient_system_resource", ""},
    Rule{"error", ""},
    Rule{"abort", ""},
    Rule{"cancelled", ""},
    Rule{"network_error", ""},
};

}  // namespace

FinishReason read_finish_reason(std::string_view said) {
    if (said.empty()) return {FinishReason::Kind::none, {}};
    for (const Rule& rule : kRules) {
        if (rule.said != said) continue;
        if (rule.word.empty()) return {FinishReason::Kind::broken, {}};
        return {FinishReason::Kind::ended, rule.word};
    }
    return {FinishReason::Kind::unknown, {}};
}

}  // namespace gateway
