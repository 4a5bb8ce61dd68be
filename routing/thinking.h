#pragma once
// From what a client asked to what an endpoint is asked, by the endpoint's table: a pure function.
#include <string>
#include <string_view>

#include "config/config.h"
#include "routing/error.h"

namespace routing {

// The one value that all inputs of thinking-tiers 7.1 come down to.
struct ThinkingAsk {
    enum class Kind : uint8_t { absent, on, effort, budget };  // off is effort none
    Kind kind = Kind::absent;
    config::Effort effort = config::Effort::none;  // kind effort
    int64_t n_budget_tokens = 0;                   // kind budget; > 0
};

// What takes effect at one endpoint.
struct Thinking {
    enum class Reason : uint8_t { none, unsupported, context, budget };
    config::Effort tier = config::Effort::none;
    bool send = true;  // false: say nothing to the endpoint, `tier` is its default
    Reason degraded = Reason::none;
    int64_t n_budget_tokens = 0;    // of thinking; 0: no bound
    bool is_sized = true;           // false: it is switched on, the size is the model's own
    int64_t n_budget_floor = 0;     // > 0: the budget stands for the tier and may shrink to this
    config::ParamSet dropped = {};  // of the request's parameters: not sent on
    bool refills = false;     // the reasoning of earlier calls goes where the model looks for it
    bool is_made_up = false;  // ... with a placeholder where there is none
    bool is_degraded() const { return degraded != Reason::none || dropped.any() || is_made_up; }
};

// Errors: tier_unsupported, budget_unsupported. `n_ctx` is the endpoint's context size.
Result<Thinking> effective_thinking(const ThinkingAsk& ask, const config::ThinkingTable& table,
                                    int64_t n_ctx);

// Which of the request's parameters are not sent on. Error: param_unsupported, if it thinks and the
// model bears one of them neither with nor without effect.
Result<void> drop_params(Thinking& thinking, config::ParamSet asked,
                         const config::ThinkingTable& table);

// How the reasoning of earlier tool calls came back.
enum class Replayed : uint8_t { whole, elsewhere, missing };  // elsewhere: in another member

// Error: reasoning_missing, if it thinks and the model does not do without.
Result<void> replay_reasoning(Thinking& thinking, Replayed replayed,
                              const config::ThinkingTable& table);

// The same for reasoning that is signed: no placeholder stands in for it. Where a budget is
// thought, which is refused without it, this turn is not thought about, reported. Error: as above.
Result<void> replay_signed(Thinking& thinking, bool is_missing, const config::ThinkingTable& table);

// Brings a budget down to what an output limit leaves besides n_answer_min tokens. Error:
// budget_too_large, of one that the limit does not even hold.
Result<void> fit_budget(Thinking& thinking, int64_t n_output_max, int64_t n_answer_min);

// The header x-weir-reasoning: "high", or "high; requested=max; reason=context", and
// "; dropped=temperature,top_p" and "; filled=reasoning_content" behind it.
std::string describe(const ThinkingAsk& ask, const Thinking& thinking);

// What a route asks for in place of a request that says nothing (config::Route::thinking).
ThinkingAsk default_ask(std::string_view word);

}  // namespace routing
