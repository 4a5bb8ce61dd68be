#include "gateway/upstream/upstream_body.h"

#include <algorithm>
#include <array>
#include <vector>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/object_scan.h"
#include "gateway/upstream/reasoning_refill.h"
#include "gateway/upstream/thinking_members.h"

namespace gateway {

namespace {

using config::UpstreamKind;

// Every spelling of a thinking control that clients send (thinking-tiers 7.1). None goes on as it
// came.
constexpr std::array<std::string_view, 6> kThinkingMembers = {
    "reasoning_effort", "reasoning", "thinking", "enable_thinking", "think", "thinking_budget"};
constexpr std::array<std::string_view, 5> kTemplateControls = {
    "reasoning_effort", "enable_thinking", "thinking", "thinking_budget", "reasoning"};

class Edits {
public:
    explicit Edits(const ChatRequest& request) : request_(request) {}
    void set(std::string_view key, std::string value) { edits_.push_back({key, std::move(value)}); }
    void drop(std::string_view key) { edits_.push_back({key, std::nullopt}); }
    // The text of a member that the client sent; empty if it sent none.
    std::string_view sent(std::string_view key) const {
        for (const BodyMember& member : request_.members) {
            if (member.key == key) {
                return std::string_view(request_.body)
                    .substr(member.value_begin, member.value_end - member.value_begin);
            }
        }
        return {};
    }
    std::string apply() const { return edit_body(request_.body, request_.members, edits_); }

private:
    const ChatRequest& request_;
    std::vector<BodyEdit> edits_;
};

bool is_object(std::string_view value) {
    return !value.empty() && value.front() == '{';
}

// Takes the thinking controls out of an object that may hold other things too.
void drop_inside(Edits& edits, std::string_view key, std::span<const std::string_view> controls) {
    const std::string_view value = edits.sent(key);
    if (!is_object(value)) return;
    std::vector<BodyEdit> inner;
    for (const std::string_view control : controls) inner.push_back({control, std::nullopt});
    std::string rest = edit_object(value, inner);
    if (rest == "{}") {
        edits.drop(key);
    } else {
        edits.set(key, std::move(rest));
    }
}

// Sets a member's own members in an object that may hold other things too.
void merge_inside(Edits& edits, const ThinkingMember& member) {
    const std::string_view value = edits.sent(member.key);
    std::string rest = "{}";
    if (is_object(value)) {
        std::vector<BodyEdit> inner;
        for (const std::string_view control : kTemplateControls)
            inner.push_back({control, std::nullopt});
        rest = edit_object(value, inner);
    }
    for (const BodyMember& own : object_members(member.value)) {
        const std::array<BodyEdit, 1> added{
            {{own.key, member.value.substr(own.value_begin, own.value_end - own.value_begin)}}};
        rest = edit_object(rest, added);
    }
    edits.set(member.key, std::move(rest));
}

void edit_usage(Edits& edits) {
    // Obfuscation is added on our side of the wire, where it was asked for.
    const std::array<BodyEdit, 2> include{
        {{"include_usage", "true"}, {"include_obfuscation", std::nullopt}}};
    const std::string_view options = edits.sent("stream_options");
    edits.set("stream_options", edit_object(is_object(options) ? options : "{}", include));
}

void edit_output_limit(Edits& edits, const UpstreamCall& call) {
    const bool is_openai = call.upstream->kind == UpstreamKind::openai;
    edits.set(is_openai ? "max_completion_tokens" : "max_tokens",
              std::to_string(call.n_output_tokens_max));
    edits.drop(is_openai ? "max_tokens" : "max_completion_tokens");
}

// Says thinking as the endpoint's table spells it, and in no other way.
void edit_thinking(Edits& edits, const UpstreamCall& call) {
    const auto said = thinking_members(call.thinking, call.endpoint->thinking.spelling);
    const auto is_said = [&](std::string_view key) {
        return std::ranges::find(said, key, &ThinkingMember::key) != said.end();
    };
    for (const ThinkingMember& member : said) {
        if (member.key == "chat_template_kwargs")
            merge_inside(edits, member);
        else
            edits.set(member.key, member.value);
    }
    for (const std::string_view key : kThinkingMembers)
        if (!is_said(key)) edits.drop(key);
    if (!is_said("chat_template_kwargs"))
        drop_inside(edits, "chat_template_kwargs", kTemplateControls);
    if (!is_said("output_config"))
        drop_inside(edits, "output_config", std::array<std::string_view, 1>{"effort"});
}

void drop_params(Edits& edits, const config::ParamSet& dropped) {
    for (size_t i = 0; i < config::kParamCount; ++i) {
        const auto param = static_cast<config::Param>(i);
        if (!dropped.has(param)) continue;
        edits.drop(config::to_string(param));
        if (param == config::Param::logprobs) edits.drop("top_logprobs");
    }
}

}  // namespace

std::string upstream_body(const UpstreamCall& call, const ReasoningStore& reasoning) {
    Edits edits(*call.request);
    edits.set("model", json_string(call.endpoint->model));
    if (call.request->stream) edit_usage(edits);
    edit_output_limit(edits, call);
    edit_thinking(edits, call);
    drop_params(edits, call.thinking.dropped);
    if (call.thinking.refills) {
        const KeptReasoning kept(reasoning, call.account, kPlainReasoning);
        edits.set("messages", refill_reasoning(edits.sent("messages"), kept));
    }
    return edits.apply();
}

}  // namespace gateway
