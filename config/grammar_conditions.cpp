#include "config/grammar_conditions.h"

#include "config/grammar_rows.h"

namespace config {

namespace {

constexpr std::string_view kDaysOfWeek[] = {"monday", "tuesday",  "wednesday", "thursday",
                                            "friday", "saturday", "sunday"};
constexpr Key kConditionKeys[] = {
    {.name = "labels",
     .type = Type::matches,
     .help = "Labels of the key (weir key create --label), each with the value or values that are "
             "taken; \"*\" is any."},
    {.name = "headers",
     .type = Type::matches,
     .help = "Headers of the request, in any case, each with the value or values that are taken, "
             "to the letter; \"*\" is any. Never those that carry keys and cookies."},
    integer("prompt_tokens_min", "The shortest prompt, by estimate.", "", {1, kTokensMax}, nullptr),
    integer("prompt_tokens_max", "The longest prompt, by estimate.", "", {1, kTokensMax}, nullptr),
    {.name = "hours",
     .type = Type::spans,
     .help = "When, as \"22:00-24:00\": from the first minute to before the last. Left out: all "
             "day.",
     .min = 1},
    {.name = "days",
     .type = Type::words,
     .help = "On which days of the week.",
     .fallback = "[monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
     .min = 1,
     .words = kDaysOfWeek},
    {.name = "excluded_dates",
     .type = Type::dates,
     .help = "Dates on which it does not hold, as 2026-10-01: public holidays."},
    scalar(Type::zone, "time_zone", "The clock of hours, days and dates.", "UTC", nullptr),
};

constexpr Key kCanaryKeys[] = {
    required({.name = "endpoint",
              .type = Type::reference,
              .help = "The endpoint on trial. It does not stand in the plan.",
              .refers_to = "endpoints"}),
    required(number(Type::factor, "percent",
                    "How many of a hundred get it first; \"0.5\" is one of 200. Whoever gets it "
                    "keeps it when this is raised.",
                    "", {1, 99'000'000}, nullptr)),
    word("by",
         "What is counted. user: safety_identifier of the request, else user, else its account: "
         "the same user always stands on one side. request: each is drawn for itself.",
         "user", Spelling<Canary::By>::words, nullptr),
};

constexpr Key kBalanceKeys[] = {
    integer("cost", "Of what the request may cost there, beside the dearest.", "1", {0, 1'000},
            into<&Balance::cost>),
    integer("latency", "Of the time to its answer's end there, beside the slowest.", "1",
            {0, 1'000}, into<&Balance::latency>),
    integer("quality", "Of what is missing to the best quality.", "1", {0, 1'000},
            into<&Balance::quality>),
};

}  // namespace

const Section kConditionSection{"All that is written must hold for a request.", kConditionKeys};
const Section kCanarySection{
    "An endpoint that a share of the users gets first, with the plan behind it, and the others "
    "never.",
    kCanaryKeys};
const Section kBalanceSection{
    "How much each counts. The lowest sum comes first: cost times its cost over the dearest's, "
    "latency times its time over the slowest's, quality times one less its quality over the "
    "best's. Cost is of the prompt and at most 500 tokens of answer; time is of late, and 0 where "
    "it is not known. Only endpoints that are up are compared.",
    kBalanceKeys};

}  // namespace config
