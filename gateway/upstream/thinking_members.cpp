#include "gateway/upstream/thinking_members.h"

#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

using config::Effort;
using config::ThinkingSpelling;
using Members = std::vector<ThinkingMember>;

constexpr const char* kEnabled = R"({"type":"enabled"})";
constexpr const char* kDisabled = R"({"type":"disabled"})";

std::string word(const routing::Thinking& thinking) {
    return json_string(config::to_string(thinking.tier));
}

std::string with_budget(const routing::Thinking& thinking) {
    return R"({"type":"enabled","budget_tokens":)" + std::to_string(thinking.n_budget_tokens) + "}";
}

// An effort that is none by name, or none at all where the switch says it.
bool says_size(const routing::Thinking& thinking) {
    return thinking.is_sized && thinking.tier != Effort::none;
}

Members adaptive(const routing::Thinking& thinking) {
    if (thinking.tier == Effort::none) return {{"thinking", kDisabled}};
    if (thinking.n_budget_tokens > 0) return {{"thinking", with_budget(thinking)}};
    Members members{{"thinking", R"({"type":"adaptive"})"}};
    if (thinking.is_sized)
        members.push_back({"output_config", R"({"effort":)" + word(thinking) + "}"});
    return members;
}

Members reasoning(const routing::Thinking& thinking) {
    if (thinking.n_budget_tokens > 0) {
        return {
            {"reasoning", R"({"max_tokens":)" + std::to_string(thinking.n_budget_tokens) + "}"}};
    }
    if (!thinking.is_sized) return {{"reasoning", R"({"enabled":true})"}};
    return {{"reasoning", R"({"effort":)" + word(thinking) + "}"}};
}

}  // namespace

std::vector<ThinkingMember> thinking_members(const routing::Thinking& thinking,
                                             ThinkingSpelling spelling) {
    if (!thinking.send) return {};
    const bool is_off = thinking.tier == Effort::none;
    switch (spelling) {
        case ThinkingSpelling::effort:
            if (!thinking.is_sized) return {};
            return {{"reasoning_effort", word(thinking)}};
        case ThinkingSpelling::type:
            return {{"thinking", is_off ? kDisabled : kEnabled}};
        case ThinkingSpelling::type_and_effort:
            if (!says_size(thinking)) return {{"thinking", is_off ? kDisabled : kEnabled}};
            return {{"reasoning_effort", word(thinking)}, {"thinking", kEnabled}};
        case ThinkingSpelling::adaptive:
            return adaptive(thinking);
        case ThinkingSpelling::budget_tokens:
            return {{"thinking", is_off ? kDisabled : with_budget(thinking)}};
        case ThinkingSpelling::reasoning:
            return reasoning(thinking);
        case ThinkingSpelling::enable_thinking:
            return {{"chat_template_kwargs",
                     is_off ? R"({"enable_thinking":false})" : R"({"enable_thinking":true})"}};
    }
    return {};
}

}  // namespace gateway
