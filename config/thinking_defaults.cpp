#include "config/thinking_defaults.h"

#include <algorithm>
#include <initializer_list>

namespace config {

namespace {

using enum Effort;
using Action = ThinkingRule::Action;

constexpr ThinkingRule to(Effort tier) {
    return {Action::tier, tier};
}
constexpr ThinkingRule on(Effort tier) {
    return {Action::on, tier};
}
constexpr ThinkingRule omitted(Effort tier) {
    return {Action::omit, tier};
}
constexpr ThinkingRule kRefused{Action::refuse, none};

// Each word becomes the nearest lower tier of the list, the lowest if none is lower.
constexpr std::array<ThinkingRule, kEffortCount> nearest(ThinkingRule off,
                                                         std::initializer_list<Effort> listed) {
    std::array<ThinkingRule, kEffortCount> rows{off};
    for (size_t i = 1; i < kEffortCount; ++i) {
        rows[i] = to(*listed.begin());
        for (const Effort tier : listed)
            if (static_cast<size_t>(tier) <= i) rows[i] = to(tier);
    }
    return rows;
}

// Rows in the order of Effort: none, minimal, low, medium, high, xhigh, max.
constexpr ThinkingTable kPreview{
    .efforts = {to(none), to(high), to(high), to(high), to(high), to(xhigh), to(max)},
    .on = to(high),
    .absent = to(high),
    .n_ctx_for_max = kCtxForMax,
    .budget = BudgetRule::exact};
constexpr ThinkingTable k0731{
    .efforts = {to(none), to(low), to(low), to(high), to(high), to(high), to(max)},
    .on = to(high),
    .absent = to(high),
    .n_ctx_for_max = kCtxForMax,
    .budget = BudgetRule::exact};

using enum Param;
using Spelling = ThinkingSpelling;

constexpr ParamSet kGptIgnored(temperature, top_p, presence_penalty, frequency_penalty, logit_bias);

constexpr ThinkingTable gpt(ThinkingRule off, std::initializer_list<Effort> listed,
                            Effort when_silent) {
    return {.efforts = nearest(off, listed),
            .on = to(medium),
            .absent = omitted(when_silent),
            .budget = BudgetRule::tier,
            .ignored = kGptIgnored,
            .rejected = ParamSet(logprobs)};
}

constexpr Effort kPreviewTiers[] = {none, high, xhigh, max};
constexpr Effort kThreeTiers[] = {none, low, high, max};
constexpr Effort kSwitch[] = {none, high};
constexpr Effort kToHigh[] = {none, low, medium, high};
constexpr Effort kNoXhigh[] = {none, low, medium, high, max};
constexpr Effort kMinimalToHigh[] = {minimal, low, medium, high};
constexpr Effort kAllTiers[] = {none, minimal, low, medium, high, xhigh, max};

constexpr ShippedThinking kShipped[] = {
    // xhigh has meant max and means high at DeepSeek: the word itself is never sent.
    {"deepseek",
     kThreeTiers,
     {.efforts = {to(none), to(low), to(low), to(high), to(high), to(high), to(max)},
      .on = on(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier,
      .spelling = Spelling::type_and_effort,
      .replay = ReplayRule::filled,
      .ignored = ParamSet(temperature, presence_penalty, frequency_penalty)}},
    {"gpt-5.5", kAllTiers, gpt(to(none), {low, medium, high, xhigh}, medium)},
    {"gpt-5.5-pro", kAllTiers, gpt(kRefused, {medium, high, xhigh}, medium)},
    {"gpt-5.4", kAllTiers, gpt(to(none), {low, medium, high, xhigh}, none)},
    {"gpt-5.3-codex", kAllTiers, gpt(kRefused, {low, medium, high, xhigh}, medium)},
    {"kimi-k2.6",
     kSwitch,
     {.efforts = nearest(to(none), {high}),
      .on = on(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier,
      .spelling = Spelling::type,
      .replay = ReplayRule::filled,
      .fixed = ParamSet(temperature, top_p, presence_penalty, frequency_penalty),
      .rejected = ParamSet(n, tool_choice)}},
    {"glm-5.1",
     kSwitch,
     {.efforts = nearest(to(none), {high}),
      .on = on(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier,
      .spelling = Spelling::type}},
    // Takes none and thinks all the same.
    {"glm-5.3",
     kThreeTiers,
     {.efforts = nearest(kRefused, {low, high, max}),
      .on = on(max),
      .absent = omitted(max),
      .budget = BudgetRule::tier,
      .spelling = Spelling::type_and_effort}},
    // Off is said by saying nothing; "disabled" is refused by 4.7.
    {"claude-4.7",
     kAllTiers,
     {.efforts = nearest(omitted(none), {low, medium, high, xhigh, max}),
      .on = on(high),
      .absent = omitted(none),
      .budget = BudgetRule::tier,
      .spelling = Spelling::adaptive,
      .fixed = ParamSet(temperature, top_p, top_k),
      .rejected = ParamSet(tool_choice)}},
    {"claude-4.6",
     kNoXhigh,
     {.efforts = nearest(omitted(none), {low, medium, high, max}),
      .on = on(high),
      .absent = omitted(none),
      .budget = BudgetRule::sent,
      .n_budget_min = 1'024,
      .spelling = Spelling::adaptive,
      .ignored = ParamSet(temperature, top_p, top_k),
      .rejected = ParamSet(tool_choice)}},
    {"claude-4.5",
     kToHigh,
     {.efforts = nearest(omitted(none), {low, medium, high}),
      .on = to(high),
      .absent = omitted(none),
      .budget = BudgetRule::sent,
      .n_budget_min = 1'024,
      .spelling = Spelling::budget_tokens,
      .ignored = ParamSet(temperature, top_p, top_k),
      .rejected = ParamSet(tool_choice)}},
    {"gemini-3.1-pro",
     kMinimalToHigh,
     {.efforts = nearest(kRefused, {low, medium, high}),
      .on = omitted(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier}},
    {"gemini-3-flash",
     kMinimalToHigh,
     {.efforts = nearest(to(minimal), {minimal, low, medium, high}),
      .on = omitted(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier}},
    // A V4 behind vLLM: there medium is low, and any unknown word high.
    {"vllm-v4",
     kThreeTiers,
     {.efforts = nearest(to(none), {low, high, max}),
      .on = to(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier}},
    {"openrouter",
     kAllTiers,
     {.efforts = nearest(to(none), {minimal, low, medium, high, xhigh}),
      .on = to(high),
      .absent = omitted(high),
      .budget = BudgetRule::sent,
      .spelling = Spelling::reasoning}},
    {"enable_thinking",
     kSwitch,
     {.efforts = nearest(to(none), {high}),
      .on = on(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier,
      .spelling = Spelling::enable_thinking}},
    // A Claude that is not known: as the newest, its parameters left alone.
    {"anthropic",
     kAllTiers,
     {.efforts = nearest(omitted(none), {low, medium, high, xhigh, max}),
      .on = on(high),
      .absent = omitted(none),
      .budget = BudgetRule::tier,
      .spelling = Spelling::adaptive,
      .rejected = ParamSet(tool_choice)}},
    // A model that is not known: its tiers as those of the newest, its parameters left alone.
    {"openai",
     kAllTiers,
     {.efforts = nearest(to(none), {low, medium, high, xhigh}),
      .on = to(medium),
      .absent = omitted(medium),
      .budget = BudgetRule::tier}},
    // Every word as it is. What "nothing said" means there is the server's own, reported as high,
    // and "on" asks for high by name.
    {"openai_compatible",
     kAllTiers,
     {.efforts = nearest(to(none), {minimal, low, medium, high, xhigh, max}),
      .on = to(high),
      .absent = omitted(high),
      .budget = BudgetRule::tier}},
};

constexpr KnownModel kKnownModels[] = {
    {UpstreamKind::deepseek, "deepseek-v4-flash", "deepseek"},
    {UpstreamKind::deepseek, "deepseek-v4-pro", "deepseek"},
    {UpstreamKind::deepseek, "deepseek-flash", "deepseek"},
    {UpstreamKind::openai, "gpt-5.5", "gpt-5.5"},
    {UpstreamKind::openai, "gpt-5.5-2026-04-23", "gpt-5.5"},
    {UpstreamKind::openai, "gpt-5.5-pro", "gpt-5.5-pro"},
    {UpstreamKind::openai, "gpt-5.5-pro-2026-04-23", "gpt-5.5-pro"},
    {UpstreamKind::openai, "gpt-5.4", "gpt-5.4"},
    {UpstreamKind::openai, "gpt-5.3-codex", "gpt-5.3-codex"},
    {UpstreamKind::anthropic, "claude-opus-4-8", "claude-4.7"},
    {UpstreamKind::anthropic, "claude-opus-4-7", "claude-4.7"},
    {UpstreamKind::anthropic, "claude-opus-4-6", "claude-4.6"},
    {UpstreamKind::anthropic, "claude-sonnet-4-6", "claude-4.6"},
    {UpstreamKind::anthropic, "claude-haiku-4-5", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-haiku-4-5-20251001", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-sonnet-4-5", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-sonnet-4-5-20250929", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-opus-4-5", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-opus-4-5-20251101", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-opus-4-1", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-opus-4-1-20250805", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-opus-4-20250514", "claude-4.5"},
    {UpstreamKind::anthropic, "claude-sonnet-4-20250514", "claude-4.5"},
    {UpstreamKind::openai_compatible, "kimi-k2.6", "kimi-k2.6"},
    {UpstreamKind::openai_compatible, "glm-5.1", "glm-5.1"},
    {UpstreamKind::openai_compatible, "glm-5.3", "glm-5.3"},
    {UpstreamKind::openai_compatible, "claude-opus-4-7", "claude-4.7"},
    {UpstreamKind::openai_compatible, "claude-sonnet-4-6", "claude-4.6"},
    {UpstreamKind::openai_compatible, "claude-haiku-4-5", "claude-4.5"},
    {UpstreamKind::openai_compatible, "gemini-3.1-pro-preview", "gemini-3.1-pro"},
    {UpstreamKind::openai_compatible, "gemini-3-flash-preview", "gemini-3-flash"},
};

// thinking-tiers 7.2, note 4.
struct Bucket {
    int64_t n_tokens_max;
    Effort tier;
};
constexpr Bucket kBuckets[] = {{1'024, low}, {4'096, medium}, {16'384, high}};

}  // namespace

ThinkingTable local_thinking(Encoding encoding, Effort default_effort) {
    ThinkingTable table = encoding == Encoding::preview ? kPreview : k0731;
    table.on = table.absent = to(default_effort);
    return table;
}

std::span<const Effort> tiers(Encoding encoding) {
    return encoding == Encoding::preview ? std::span<const Effort>(kPreviewTiers) : kThreeTiers;
}

std::span<const ShippedThinking> shipped_thinking() {
    return kShipped;
}

const ShippedThinking* shipped_thinking(std::string_view name) {
    const auto found = std::ranges::find(kShipped, name, &ShippedThinking::name);
    return found == std::end(kShipped) ? nullptr : found;
}

const ShippedThinking& shipped_thinking(UpstreamKind kind, std::string_view model) {
    for (const KnownModel& known : kKnownModels) {
        if (known.kind == kind && known.model == model) return *shipped_thinking(known.thinking);
    }
    const ShippedThinking* own = shipped_thinking(to_string(kind));
    return own != nullptr ? *own : *shipped_thinking("openai_compatible");
}

std::span<const KnownModel> known_models() {
    return kKnownModels;
}

Effort tier_of_budget(int64_t n_tokens) {
    for (const Bucket& bucket : kBuckets)
        if (n_tokens <= bucket.n_tokens_max) return bucket.tier;
    return xhigh;
}

int64_t budget_of_tier(Effort tier) {
    for (const Bucket& bucket : kBuckets)
        if (tier <= bucket.tier) return bucket.n_tokens_max;
    return kBuckets[std::size(kBuckets) - 1].n_tokens_max;
}

}  // namespace config
