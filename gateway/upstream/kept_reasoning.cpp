#include "gateway/upstream/kept_reasoning.h"

#include "gateway/upstream/object_scan.h"

namespace gateway {

std::shared_ptr<const std::string> KeptReasoning::behind(std::string_view calls) const {
    if (!calls.starts_with('[')) return nullptr;
    for (const std::string_view call : array_elements(calls)) {
        const std::string_view id = value_of(call, "id");
        if (id.size() < 2) continue;  // ids with escapes in them are nobody's
        if (auto kept = store_->find(account_, place_, id.substr(1, id.size() - 2))) return kept;
    }
    return nullptr;
}

int64_t n_kept_tokens_max(std::string_view messages, const KeptReasoning& kept) {
    int64_t n_tokens = 0;
    for (const std::string_view message : array_elements(messages)) {
        const auto reasoning = kept.behind(value_of(message, "tool_calls"));
        if (reasoning) n_tokens += static_cast<int64_t>(reasoning->size());  // a byte at least each
    }
    return n_tokens;
}

}  // namespace gateway
