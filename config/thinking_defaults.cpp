#include "config/thinking_defaults.h"

namespace config {

namespace {

using enum Effort;

constexpr ThinkingRule to(Effort tier) {
    return {ThinkingRule::Action::tier, tier};
}
constexpr ThinkingRule omitted(Effort tier) {
    return {ThinkingRule::Action::omit, tier};
}

// Rows in the order of Effort: none, minimal, low, medium, high, xhigh, max; then on, absent.
constexpr ThinkingTable kPreview{
    {to(none), to(high), to(high), to(high), to(high), to(xhigh), to(max)},
    to(high),
    to(high),
    kCtxForMax,
    true};
constexpr ThinkingTable k0731{{to(none), to(low), to(low), to(high), to(high), to(high), to(max)},
                              to(high),
                              to(high),
                              kCtxForMax,
                              true};
// xhigh has meant max and means high at DeepSeek: the word itself is never sent.
constexpr ThinkingTable kDeepSeek{
    {to(none), to(low), to(low), to(high), to(high), to(high), to(max)}, to(high), omitted(high)};
constexpr ThinkingTable kOpenAi{
    {to(none), to(low), to(low), to(medium), to(high), to(xhigh), to(xhigh)},
    to(medium),
    omitted(medium)};
constexpr ThinkingTable kCompatible{
    {to(none), to(minimal), to(low), to(medium), to(high), to(xhigh), to(max)},
    to(high),
    omitted(high)};

constexpr Effort kPreviewTiers[] = {none, high, xhigh, max};
constexpr Effort kThreeTiers[] = {none, low, high, max};
constexpr Effort kAllTiers[] = {none, minimal, low, medium, high, xhigh, max};

}  // namespace

ThinkingTable local_thinking(Encoding encoding, Effort default_effort) {
    ThinkingTable table = encoding == Encoding::preview ? kPreview : k0731;
    table.on = table.absent = to(default_effort);
    return table;
}

ThinkingTable upstream_thinking(UpstreamKind kind) {
    switch (kind) {
        case UpstreamKind::openai:
            return kOpenAi;
        case UpstreamKind::deepseek:
            return kDeepSeek;
        case UpstreamKind::openai_compatible:
            break;
    }
    return kCompatible;
}

std::span<const Effort> tiers(Encoding encoding) {
    return encoding == Encoding::preview ? std::span<const Effort>(kPreviewTiers) : kThreeTiers;
}

std::span<const Effort> tiers(UpstreamKind kind) {
    return kind == UpstreamKind::deepseek ? std::span<const Effort>(kThreeTiers) : kAllTiers;
}

}  // namespace config
