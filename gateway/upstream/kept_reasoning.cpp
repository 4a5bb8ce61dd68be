#include "gateway/upstream/kept_reasoning.h"

#include "gateway/upstream/object_scan.h"

namespace gateway {

std::string name_of_answer(std::string_view text) {
    uint64_t hash = 14'695'981'039'346'656'037u;  // FNV-1a
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
    return "text " + std::to_string(hash) + ' ' + std::to_string(text.size());
}

std::shared_ptr<const std::string> KeptReasoning::behind(std::string_view calls,
                                                         std::string_view content) const {
    const bool has_calls = calls.starts_with('[') && !array_elements(calls).empty();
    if (!has_calls) {
        if (!content.starts_with('"')) return nullptr;
        return store_->find(account_, place_, name_of_answer(unquote(content)));
    }
    for (const std::string_view call : array_elements(calls)) {
        const std::string_view id = value_of(call, "id");
        if (id.size() < 2) continue;  // ids with escapes in them are nobody's
        if (auto kept = store_->find(account_, place_, id.substr(1, id.size() - 2))) return kept;
    }
    return nullptr;
}

std::string_view open_calls(std::string_view messages) {
    const auto elements = array_elements(messages);
    std::string_view calls;
    for (auto message = elements.rbegin(); message != elements.rend(); ++message) {
        const auto members = object_members(*message);
        const std::string role = unquote(value_of(*message, members, "role"));
        const bool ends_with_results = message != elements.rbegin() || role == "tool";
        if (!ends_with_results || (role != "tool" && role != "assistant")) break;
        if (role != "assistant") continue;
        calls = value_of(*message, members, "tool_calls");
        if (calls.empty()) calls = "[]";
    }
    return calls;
}

int64_t n_kept_tokens_max(std::string_view messages, const KeptReasoning& kept) {
    int64_t n_tokens = 0;
    for (const std::string_view message : array_elements(messages)) {
        const auto members = object_members(message);
        const auto reasoning = kept.behind(value_of(message, members, "tool_calls"),
                                           value_of(message, members, "content"));
        if (reasoning) n_tokens += static_cast<int64_t>(reasoning->size());  // a byte at least each
    }
    return n_tokens;
}

}  // namespace gateway
