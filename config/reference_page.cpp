// The reference page of weir.yaml. Printed from the grammar table.
#include <fmt/format.h>

#include <map>

#include "config/config.h"
#include "config/grammar.h"
#include "config/grammar_store.h"
#include "config/loader.h"
#include "config/scalar.h"
#include "config/thinking_defaults.h"

namespace config {

namespace {

std::string type(const Key& key) {
    switch (key.type) {
        case Type::integer:
            return key.min == key.max ? fmt::format("{}", key.min)
                                      : fmt::format("integer, {} to {}", key.min, key.max);
        case Type::boolean:
            return "`true` or `false`";
        case Type::text:
            return "text";
        case Type::secret:
            return "`\"${env:NAME}\"` or `\"${file:PATH}\"`; for a loopback host also text";
        case Type::ip_address:
            return "IP address";
        case Type::url:
            return "URL";
        case Type::duration:
            return fmt::format("duration, {} to {}", shown_duration(key.min),
                               shown_duration(key.max));
        case Type::bytes:
            return fmt::format("size, {} to {}", shown_bytes(key.min), shown_bytes(key.max));
        case Type::time:
            return "RFC 3339 time";
        case Type::price:
            return "decimal in quotes";
        case Type::factor:
            return fmt::format("decimal in quotes, above 0, at most {}", key.max / 1'000'000);
        case Type::rate:
            return fmt::format("decimal in quotes, above 0, at most {}", key.max / 1'000'000'000);
        case Type::currency:
            return "three capitals";
        case Type::zone:
            return "IANA time zone";
        case Type::secrets:
            return "list of `\"${env:NAME}\"` or `\"${file:PATH}\"`";
        case Type::origins:
            return "list of origins, `https://app.example.com`, or `\"*\"`";
        case Type::spans:
            return "list of `\"HH:MM-HH:MM\"`";
        case Type::dates:
            return "list of dates";
        case Type::word:
            return fmt::format("`{}`", fmt::join(key.words, "` `"));
        case Type::reference:
            return fmt::format("a name below `{}`", key.refers_to);
        case Type::words:
            return fmt::format("list of `{}`", fmt::join(key.words, "` `"));
        case Type::references:
            return fmt::format("list of names below `{}`", key.refers_to);
        case Type::names:
            return "list of names";
        case Type::shares:
            return fmt::format("names below `{}`, each with a number, {} to {}", key.refers_to,
                               key.min, key.max);
        case Type::matches:
            return "names, each with a text or a list of texts";
        case Type::section:
            return "keys, see below";
        case Type::named:
            return "names, each with keys, see below";
    }
    return "";
}

std::string default_of(const Key& key) {
    if (key.required) return "required";
    if (key.fallback.empty()) return "";
    return key.fallback == "{}" ? "the defaults below" : fmt::format("`{}`", key.fallback);
}

// Where a section stands that stands in several places.
using Written = std::map<const Section*, std::string>;

void write_section(std::string& page, const Section& section, const std::string& path,
                   Written& written) {
    const auto [first, is_new] = written.emplace(&section, path);
    if (!is_new) {
        page += fmt::format("\n## `{}`\n\nAs `{}`.\n", path, first->second);
        return;
    }
    page += fmt::format("\n## {}\n\n{}\n\n", path.empty() ? "The file" : "`" + path + "`",
                        section.help);
    page += "| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
    for (const Key& key : section.keys) {
        page += fmt::format("| `{}` | {} | {} | {} |\n", key.name, type(key), default_of(key),
                            key.help);
    }
    for (const Key& key : section.keys) {
        if (!key.section) continue;
        std::string below =
            path.empty() ? std::string(key.name) : path + "." + std::string(key.name);
        if (key.type == Type::named) below += ".<name>";
        write_section(page, *key.section, below, written);
    }
}

std::string cell(const ThinkingRule& rule) {
    switch (rule.action) {
        case ThinkingRule::Action::tier:
            return std::string(to_string(rule.tier));
        case ThinkingRule::Action::omit:
            return fmt::format("omit ({})", to_string(rule.tier));
        case ThinkingRule::Action::on:
            return fmt::format("on ({})", to_string(rule.tier));
        case ThinkingRule::Action::refuse:
            break;
    }
    return "refuse";
}

std::string params_of(const ThinkingTable& table) {
    std::string out;
    const auto add = [&](std::string_view what, ParamSet params) {
        std::string names;
        for (size_t i = 0; i < kParamCount; ++i) {
            const auto param = static_cast<Param>(i);
            if (params.has(param)) names += fmt::format(" `{}`", to_string(param));
        }
        if (!names.empty()) out += fmt::format("{}{}{}", out.empty() ? "" : "; ", what, names);
    };
    if (table.replay != ReplayRule::free)
        out = fmt::format("replay {}",
                          Spelling<ReplayRule>::words[static_cast<size_t>(table.replay)]);
    add("ignored", table.ignored);
    add("fixed", table.fixed);
    add("rejected", table.rejected);
    return out;
}

std::string budget_of(const ThinkingTable& table) {
    const auto word = Spelling<BudgetRule>::words[static_cast<size_t>(table.budget)];
    return table.n_budget_min > 0 ? fmt::format("{}, at least {}", word, table.n_budget_min)
                                  : std::string(word);
}

std::string thinking_row(std::string_view name, const ThinkingTable& table,
                         std::string_view spelling) {
    std::string row = fmt::format("| `{}` |", name);
    for (const ThinkingRule& rule : table.efforts) row += fmt::format(" {} |", cell(rule));
    return row + fmt::format(" {} | {} | {} | {} | {} |\n", cell(table.on), cell(table.absent),
                             spelling, budget_of(table), params_of(table));
}

std::string models_of(std::string_view thinking) {
    std::string names;
    for (const KnownModel& known : known_models()) {
        const std::string name = fmt::format("`{}`", known.model);  // of one kind or several
        if (known.thinking == thinking && names.find(name) == names.npos)
            names += (names.empty() ? "" : ", ") + name;
    }
    return names;
}

std::string thinking_page() {
    std::string page =
        "\n## The shipped thinking tables\n\n"
        "What a request asks for becomes the tier in its column; a row of `thinking` replaces one "
        "cell. `on` and `absent` of an engine are its `default_effort`. `omit` sends nothing and "
        "counts as the tier in parentheses, `on` switches thinking on and leaves the size to the "
        "model. An engine whose `n_ctx` is below 393216 gives `high` where the table says `max`, "
        "or `xhigh` with the preview encoding.\n\n"
        "| table | none | minimal | low | medium | high | xhigh | max | on | absent | spelling | "
        "budget | parameters |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    page += thinking_row("engine, preview", local_thinking(Encoding::preview, Effort::high),
                         "the prompt");
    page +=
        thinking_row("engine, 0731", local_thinking(Encoding::v0731, Effort::high), "the prompt");
    for (const ShippedThinking& shipped : shipped_thinking()) {
        const auto spelling = static_cast<size_t>(shipped.table.spelling);
        page +=
            thinking_row(shipped.name, shipped.table, Spelling<ThinkingSpelling>::words[spelling]);
    }
    page +=
        "\nWhich table an endpoint starts from, where `thinking.like` does not say: by the exact "
        "name of its model at a kind of upstream, else the table that is called as the kind.\n\n"
        "| table | models |\n| --- | --- |\n";
    for (const ShippedThinking& shipped : shipped_thinking()) {
        const std::string models = models_of(shipped.name);
        if (!models.empty()) page += fmt::format("| `{}` | {} |\n", shipped.name, models);
    }
    return page;
}

}  // namespace

std::string reference_page() {
    std::string page =
        "# weir.yaml\n\n"
        "Generated from `config/grammar.cpp`; a test holds this page to it. `weir check FILE` says "
        "what is wrong with a file, by line, column and key.\n\n"
        "- One YAML document in UTF-8, at most 1 MiB, without anchors, aliases, merge keys and "
        "tags. "
        "Unknown, misplaced and duplicate keys are refused, as is a name that nothing uses.\n"
        "- Numbers are decimal, booleans are `true` and `false`, durations (`250ms` `30s` `5m` "
        "`2h`) "
        "and sizes (`64B` `64KiB` `32MiB` `2GiB`) carry a unit, prices stand in quotes.\n"
        "- `${env:NAME}` and `${file:PATH}` stand for a whole value and are refused when unset or "
        "empty. Put them in quotes.\n"
        "- Relative paths start at the current directory.\n"
        "- `fall_back_on` left out means the classes in its default. The caller's own errors "
        "(`caller_fault` `content_policy` `context_exceeded`) never fall back.\n";
    Written written;
    write_section(page, root_section(), "", written);
    return page + thinking_page();
}

}  // namespace config
