#include "gateway/upstream/reasoning_tap.h"

#include "gateway/upstream/json_members.h"
#include "gateway/upstream/kept_reasoning.h"

namespace gateway {

namespace {

constexpr size_t kTappedBytesMax = 4 << 20;
constexpr size_t kTappedCallsMax = 1024;

}  // namespace

void ReasoningTap::hear(const simdjson::dom::object& said) {
    std::string_view reasoning = text_of(said, "reasoning_content");
    if (reasoning.empty()) reasoning = text_of(said, "reasoning");
    if (reasoning_.size() + reasoning.size() <= kTappedBytesMax) reasoning_ += reasoning;
    const std::string_view content = text_of(said, "content");
    if (follows_results_ && content_.size() + content.size() <= kTappedBytesMax)
        content_ += content;
    simdjson::dom::array calls;
    if (said["tool_calls"].get(calls)) return;
    for (const simdjson::dom::element item : calls) {
        simdjson::dom::object call;
        if (item.get(call)) continue;
        const std::string_view id = text_of(call, "id");
        if (!id.empty() && calls_.size() < kTappedCallsMax) calls_.emplace_back(id);
    }
}

void ReasoningTap::end() {
    if (calls_.empty() && !content_.empty()) calls_.push_back(name_of_answer(content_));
    if (!calls_.empty() && !reasoning_.empty()) keep_(calls_, std::move(reasoning_));
    calls_.clear();
    reasoning_.clear();
    content_.clear();
}

}  // namespace gateway
