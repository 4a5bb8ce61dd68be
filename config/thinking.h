#pragma once
// How one endpoint thinks: what each thing that a client may ask becomes there, and how it is
// spelled.
#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace config {

// How hard a model thinks. `none` is thinking switched off; the words are OpenAI's, in rising
// order.
enum class Effort : uint8_t { none, minimal, low, medium, high, xhigh, max };
inline constexpr size_t kEffortCount = 7;
std::string_view to_string(Effort effort);
// One of the seven words, case-sensitive; "ultra" is max. Anything else: nothing.
std::optional<Effort> parse_effort(std::string_view word);

// What one thing a client may ask becomes at one endpoint.
struct ThinkingRule {
    enum class Action : uint8_t {
        tier,    // ask for `tier`
        on,      // switch thinking on without a size: the model's own is `tier`
        omit,    // send nothing: the model's default, which is `tier`
        refuse,  // 400: the endpoint cannot keep it
    };
    Action action = Action::refuse;
    Effort tier = Effort::none;
};

// The members of a body that say a tier.
enum class ThinkingSpelling : uint8_t {
    effort,           // reasoning_effort
    type,             // thinking.type, enabled or disabled
    type_and_effort,  // both
    adaptive,         // thinking.type adaptive and output_config.effort
    budget_tokens,    // thinking.budget_tokens: every tier is a budget
    reasoning,        // reasoning.effort
    enable_thinking,  // chat_template_kwargs.enable_thinking
};

// What becomes of a budget in tokens.
enum class BudgetRule : uint8_t {
    refuse,  // 400
    tier,    // the tier that such a budget comes to, reported
    sent,    // sent on
    exact,   // kept while decoding; engines only
};

// What becomes of calls whose reasoning the client did not send back, while the model thinks.
enum class ReplayRule : uint8_t {
    free,      // nothing: the model does not ask for it
    required,  // 400
    filled,    // a placeholder stands in for it, reported
};

// Members that a model may not bear while it thinks. The last is tool_choice where it forces a
// call.
enum class Param : uint8_t {
    temperature,
    top_p,
    top_k,
    presence_penalty,
    frequency_penalty,
    logit_bias,
    n,
    logprobs,
    tool_choice,
};
inline constexpr size_t kParamCount = 9;
std::string_view to_string(Param param);

class ParamSet {
public:
    constexpr ParamSet() = default;
    template <std::same_as<Param>... Params>
    constexpr explicit ParamSet(Params... params)
        : bits_(static_cast<uint16_t>((0 | ... | bit(params)))) {}
    constexpr bool has(Param param) const { return (bits_ & bit(param)) != 0; }
    constexpr bool any() const { return bits_ != 0; }
    constexpr void add(Param param) { bits_ = static_cast<uint16_t>(bits_ | bit(param)); }
    friend constexpr ParamSet operator|(ParamSet a, ParamSet b) { return of(a.bits_ | b.bits_); }
    friend constexpr ParamSet operator&(ParamSet a, ParamSet b) { return of(a.bits_ & b.bits_); }

private:
    static constexpr int bit(Param param) { return 1 << static_cast<int>(param); }
    static constexpr ParamSet of(int bits) {
        ParamSet set;
        set.bits_ = static_cast<uint16_t>(bits);
        return set;
    }
    uint16_t bits_ = 0;
};

// A row for each word, for "on" without a word and for nothing said (thinking-tiers 7.2). A rule
// whose tier differs from the word asked for is a visible degradation.
struct ThinkingTable {
    std::array<ThinkingRule, kEffortCount> efforts;  // by requested Effort
    ThinkingRule on;
    ThinkingRule absent;
    // The strongest prefix needs room: below this context size the two top tiers of the local
    // encodings fall to the next lower one, reported as reason=context. 0: no such limit.
    int64_t n_ctx_for_max = 0;
    BudgetRule budget = BudgetRule::refuse;
    int64_t n_budget_min = 0;  // a smaller budget becomes this one, reported
    ThinkingSpelling spelling = ThinkingSpelling::effort;
    ReplayRule replay = ReplayRule::free;
    ParamSet ignored = {};   // dropped while it thinks, reported
    ParamSet fixed = {};     // dropped always, reported
    ParamSet rejected = {};  // 400 while it thinks
};

}  // namespace config
