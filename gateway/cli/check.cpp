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
    std::string file, effort, other, at;
    std::vector<std::string> labels, headers, needs;
    bool schema = false, reference = false, json = false;
    ExplainAsk ask;
};

// What conditions look at, from its words. Empty: it could be read; else what to write.
std::string read_circumstances(CheckWords& words) {
    words.ask.at = wall_clock_now();
    if (!words.at.empty()) {
        const auto at = config::parse_rfc3339(words.at);
        if (!at) return "--at is a time such as 2026-10-01T22:30:00Z";
        words.ask.at = *at;
    }
    for (const std::string& label : words.labels)
        if (label.find('=') == label.npos) return "--label is name=value";
    words.ask.labels = words.labels;
    for (const std::string& header : words.headers) {
        const size_t colon = header.find(':');
        if (colon == header.npos || colon == 0) return "--header is 'name: value'";
        std::string name = header.substr(0, colon);
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const size_t begin = header.find_first_not_of(" \t", colon + 1);
        const size_t end = header.find_last_not_of(" \t");
        words.ask.headers.emplace_back(
            name, begin == header.npos ? "" : header.substr(begin, end + 1 - begin));
    }
    for (const std::string& need : words.needs) {
        words.ask.needs_tools |= need == "tools";
        words.ask.needs_json_schema |= need == "json_schema";
        words.ask.needs_images |= need == "vision";
    }
    return "";
}

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
    if (const std::string cure = read_circumstances(words); !cure.empty()) {
        std::fprintf(stderr, "weir: %s\n", cure.c_str());
        return kExitUsage;
    }
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
    command->add_option("--label", words->labels, "A label of its key, as team=batch; repeatable")
        ->allow_extra_args(false)
        ->needs(explains);
    command->add_option("--header", words->headers, "A header of it, as 'x-team: a'; repeatable")
        ->allow_extra_args(false)
        ->needs(explains);
    command->add_option("--at", words->at, "When it comes, in RFC 3339; now if left out")
        ->needs(explains);
    command
        ->add_option("--user", words->ask.user,
                     "Whose it is: its safety_identifier, else its user, else its account's number")
        ->needs(explains);
    command->add_option("--needs", words->needs, "What it needs of a model; repeatable")
        ->allow_extra_args(false)
        ->check(CLI::IsMember({"tools", "json_schema", "vision"}))
        ->needs(explains);
    command->add_flag("--json", words->json)->needs(explains);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return check(invocation, *words); };
    });
}

}  // namespace gateway
