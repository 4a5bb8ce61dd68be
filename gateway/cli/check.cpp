// weir check FILE: is this file a config, and if not, why; and what would become of a request.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "gateway/cli/command.h"
#include "gateway/cli/config_diff.h"
#include "gateway/cli/config_file.h"
#include "gateway/cli/explain.h"
#include "gateway/telemetry/wall_clock.h"

namespace gateway {

namespace {

struct CheckWords {
    std::string file, effort, other;
    bool schema = false, reference = false, json = false;
    ExplainAsk ask;
};

int check(const Invocation& invocation, CheckWords& words) {
    if (words.schema) {
        std::printf("%s", config::json_schema().c_str());
        return kExitOk;
    }
    if (words.reference) {
        std::printf("%s", config::reference_page().c_str());
        return kExitOk;
    }
    const std::string& name = words.file.empty() ? invocation.config_file : words.file;
    const auto config = load_or_complain(name);
    if (!config) return kExitNo;
    if (!words.other.empty()) {
        const auto other = load_or_complain(words.other);
        if (!other) return kExitNo;
        const auto before = config::settings(name, process_environment());
        const auto after = config::settings(words.other, process_environment());
        if (!before || !after) return kExitNo;  // changed while it was read
        return print_diff(*before, *after, *other) == 0 ? kExitOk : kExitNo;
    }
    if (words.ask.model.empty()) {
        std::printf("%s: ok\n", name.c_str());
        return kExitOk;
    }
    if (!words.effort.empty()) {
        words.ask.effort = config::parse_effort(words.effort);
        if (!words.ask.effort) {
            std::fprintf(stderr,
                         "weir: --effort is none, minimal, low, medium, high, xhigh or max\n");
            return kExitUsage;
        }
    }
    words.ask.at = wall_clock_now();
    return explain(*config, words.ask, words.json) ? kExitOk : kExitNo;
}

}  // namespace

void add_check(CLI::App& app, Invocation& invocation) {
    CLI::App* command = app.add_subcommand(
        "check", "Validate a config file, offline, and explain what it does with a request");
    const auto words = std::make_shared<CheckWords>();
    command->add_option("FILE", words->file, "The file (default: the one of -c)");
    command->add_flag("--schema", words->schema, "Print the JSON Schema of the file and exit");
    command->add_flag("--reference", words->reference,
                      "Print the page of all keys (Markdown) and exit");
    command->add_option("--diff", words->other,
                        "Print what this other file would change; exit 1 if anything");
    CLI::Option* explains = command->add_option(
        "--explain", words->ask.model,
        "A model that a client may ask for: who is tried, in which order, with which limits");
    command
        ->add_option("--tokens", words->ask.n_prompt_tokens, "Tokens of its prompt; 0 if left out")
        ->check(CLI::NonNegativeNumber)
        ->needs(explains);
    command
        ->add_option("--output", words->ask.n_output_tokens,
                     "The client's limit of output tokens; none if left out")
        ->check(CLI::NonNegativeNumber)
        ->needs(explains);
    command->add_option("--effort", words->effort, "The reasoning_effort that it asks for")
        ->needs(explains);
    command->add_flag("--json", words->json)->needs(explains);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return check(invocation, *words); };
    });
}

}  // namespace gateway
