#include "config/grammar_thinking.h"

#include "config/grammar_rows.h"
#include "config/thinking_defaults.h"

namespace config {

namespace {

constexpr std::string_view kOffWords[] = {"none",  "minimal", "low",    "medium", "high",
                                          "xhigh", "max",     "refuse", "omit"};
constexpr std::string_view kTierWords[] = {"none", "minimal", "low", "medium",
                                           "high", "xhigh",   "max", "refuse"};
constexpr std::string_view kDefaultWords[] = {"none",  "minimal", "low",    "medium", "high",
                                              "xhigh", "max",     "refuse", "omit",   "on"};
constexpr std::string_view kParamNames[] = {
    "temperature", "top_p", "top_k",    "presence_penalty", "frequency_penalty",
    "logit_bias",  "n",     "logprobs", "tool_choice"};

constexpr Key params(std::string_view name, std::string_view help) {
    return {.name = name, .type = Type::words, .help = help, .words = kParamNames};
}

constexpr Key kThinkingKeys[] = {
    word("like",
         "The shipped table that it starts from. Left out: by the model's exact name at this kind "
         "of upstream, else by the kind. Not allowed with engine.",
         "", kThinkingNames, nullptr),
    word("none", "What a request without thinking becomes; omit: say nothing to the upstream.", "",
         kOffWords, nullptr),
    word("minimal", "What minimal becomes.", "", kTierWords, nullptr),
    word("low", "What low becomes.", "", kTierWords, nullptr),
    word("medium", "What medium becomes.", "", kTierWords, nullptr),
    word("high", "What high becomes.", "", kTierWords, nullptr),
    word("xhigh", "What xhigh becomes.", "", kTierWords, nullptr),
    word("max", "What max becomes.", "", kTierWords, nullptr),
    word("on",
         "What thinking without a word becomes; omit: say nothing to the upstream; on: switch it "
         "on without a size.",
         "", kDefaultWords, nullptr),
    word("absent", "What nothing said becomes; omit: say nothing to the upstream.", "",
         kDefaultWords, nullptr),
    word("spelling",
         "How a tier is said: reasoning_effort; thinking.type; both; thinking.type adaptive with "
         "output_config.effort; thinking.budget_tokens; reasoning.effort; "
         "chat_template_kwargs.enable_thinking. Not allowed with engine.",
         "", Spelling<ThinkingSpelling>::words, nullptr),
    word("budget",
         "What becomes of a budget in tokens: 400; the tier that it comes to (up to 1024 low, 4096 "
         "medium, 16384 high, above xhigh), reported; sent on; kept while decoding (engines only).",
         "", Spelling<BudgetRule>::words, nullptr),
    integer("budget_tokens_min", "A smaller budget becomes this one, reported.", "",
            {1, kTokensMax}, nullptr),
    word(
        "replay",
        "What becomes of tool calls whose reasoning_content the client did not send back, while it "
        "thinks: nothing; 400; a placeholder, reported. Not allowed with engine.",
        "", Spelling<ReplayRule>::words, nullptr),
    params("ignored_params", "Dropped while it thinks, reported."),
    params("fixed_sampling", "Dropped always, reported."),
    params("rejected_params",
           "400 while it thinks: n above 1, logprobs, a tool_choice that forces a call."),
};

}  // namespace

const Section kThinkingSection{
    "What differs from the shipped table. A word that becomes another is reported in "
    "x-weir-reasoning; refuse answers 400.",
    kThinkingKeys};

}  // namespace config
