#include "gateway/upstream/kept_reasoning.h"

#include <array>
#include <memory>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

constexpr std::string_view kNotKept = "(not kept)";
constexpr int64_t kMemberTokens = 16;  // of the member around it

std::string_view value_of(std::string_view object, std::string_view key) {
    for (const BodyMember& member : object_members(object)) {
        if (member.key == key)
            return object.substr(member.value_begin, member.value_end - member.value_begin);
    }
    return {};
}

bool is_empty(std::string_view value) {
    return value.empty() || value == "null" || value == "\"\"" || value == "[]";
}

// Ids with escapes in them are nobody's: ours and the vendors' have none.
std::string_view unquoted(std::string_view value) {
    return value.size() < 2 ? std::string_view() : value.substr(1, value.size() - 2);
}

// Null where the message has no calls, or nothing is kept for them.
std::shared_ptr<const std::string> kept_for(std::string_view calls, const ReasoningStore& store,
                                            uint64_t account, std::string_view endpoint) {
    if (is_empty(calls)) return nullptr;
    for (const std::string_view call : array_elements(calls)) {
        if (auto kept = store.find(account, endpoint, unquoted(value_of(call, "id")))) return kept;
    }
    return nullptr;
}

}  // namespace

bool wants_reasoning_back(config::UpstreamKind kind, config::UpstreamApi api, config::Effort tier) {
    return api == config::UpstreamApi::responses ||
           (kind == config::UpstreamKind::deepseek && tier != config::Effort::none);
}

bool wants_reasoning_back(config::UpstreamKind kind, const routing::PlannedAttempt& attempt) {
    return wants_reasoning_back(kind, attempt.api, attempt.thinking.tier);
}

bool may_hold_calls(const ChatRequest& request) {
    return request.body.find("\"tool_calls\"") != std::string::npos;
}

int64_t n_kept_tokens_max(const ChatRequest& request, const ReasoningStore& store, uint64_t account,
                          std::string_view endpoint) {
    if (!may_hold_calls(request)) return 0;
    const std::string_view body = request.body;
    int64_t n_tokens = 0;
    for (const BodyMember& member : request.members) {
        if (member.key != "messages") continue;
        for (const std::string_view message : array_elements(
                 body.substr(member.value_begin, member.value_end - member.value_begin))) {
            const std::string_view calls = value_of(message, "tool_calls");
            if (is_empty(calls)) continue;
            n_tokens += kMemberTokens;  // no token has less than a byte
            if (const auto kept = kept_for(calls, store, account, endpoint))
                n_tokens += static_cast<int64_t>(kept->size());
        }
    }
    return n_tokens;
}

std::string with_kept_reasoning(std::string_view messages, const ReasoningStore& store,
                                uint64_t account, std::string_view endpoint) {
    std::string out = "[";
    for (const std::string_view message : array_elements(messages)) {
        if (out.size() > 1) out += ',';
        const std::string_view calls = value_of(message, "tool_calls");
        if (is_empty(calls) || !is_empty(value_of(message, "reasoning_content"))) {
            out += message;
            continue;
        }
        const auto kept = kept_for(calls, store, account, endpoint);
        const std::array<BodyEdit, 1> edit{
            {{"reasoning_content", json_string(kept ? *kept : kNotKept)}}};
        out += edit_object(message, edit);
    }
    return out += ']';
}

}  // namespace gateway
