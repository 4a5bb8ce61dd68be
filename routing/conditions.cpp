#include "routing/conditions.h"

#include <algorithm>

#include "routing/mix.h"

namespace routing {

namespace {

bool takes(const config::NamedMatch& match, std::string_view value) {
    return match.values.empty() || std::ranges::find(match.values, value) != match.values.end();
}

bool has_label(const config::NamedMatch& match, const RequestFacts& facts) {
    return std::ranges::any_of(facts.labels, [&](const std::string& label) {
        const std::string_view text(label);
        return text.size() > match.name.size() && text[match.name.size()] == '=' &&
               text.starts_with(match.name) && takes(match, text.substr(match.name.size() + 1));
    });
}

bool has_header(const config::NamedMatch& match, const RequestFacts& facts) {
    return std::ranges::any_of(facts.headers, [&](const auto& field) {
        return field.first == match.name && takes(match, field.second);
    });
}

std::string one_of(const config::NamedMatch& match) {
    std::string text;
    for (const std::string& value : match.values) text += (text.empty() ? "" : " or ") + value;
    return text;
}

}  // namespace

std::optional<Unmet> first_unmet(const config::Condition& condition, const RequestFacts& facts) {
    if (facts.n_prompt_tokens < condition.prompt_tokens_min ||
        facts.n_prompt_tokens > condition.prompt_tokens_max)
        return Unmet{Unmet::Part::prompt_tokens, nullptr};
    for (const config::NamedMatch& match : condition.labels)
        if (!has_label(match, facts)) return Unmet{Unmet::Part::label, &match};
    for (const config::NamedMatch& match : condition.headers)
        if (!has_header(match, facts)) return Unmet{Unmet::Part::header, &match};
    if (condition.hours && !condition.hours->covers(facts.now))
        return Unmet{Unmet::Part::hours, nullptr};
    return {};
}

std::string to_string(const Unmet& unmet) {
    switch (unmet.part) {
        case Unmet::Part::prompt_tokens:
            return "prompt_tokens";
        case Unmet::Part::label:
            return "label:" + unmet.match->name;
        case Unmet::Part::header:
            return "header:" + unmet.match->name;
        case Unmet::Part::hours:
            return "hours";
    }
    return "";
}

std::string describe(const Unmet& unmet, const config::Condition& condition) {
    switch (unmet.part) {
        case Unmet::Part::prompt_tokens: {
            const bool has_most = condition.prompt_tokens_max != INT64_MAX;
            return "its prompt is not of " + std::to_string(condition.prompt_tokens_min) +
                   (has_most ? " to " + std::to_string(condition.prompt_tokens_max) : " or more") +
                   " tokens";
        }
        case Unmet::Part::label:
        case Unmet::Part::header: {
            const std::string what = unmet.part == Unmet::Part::label ? "label " : "header ";
            if (unmet.match->values.empty()) return "it has no " + what + unmet.match->name;
            return "its " + what + unmet.match->name + " is not " + one_of(*unmet.match);
        }
        case Unmet::Part::hours:
            return "its hours or days are others";
    }
    return "";
}

uint64_t draw_of_user(std::string_view route, std::string_view user) {
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    const auto add = [&](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    };
    add(route);
    add(std::string_view("\0", 1));
    add(user);
    return mix(hash);
}

uint64_t draw_of_request(uint64_t dice) {
    return mix(dice);
}

bool takes_canary(const config::Canary& canary, uint64_t draw) {
    constexpr unsigned __int128 kAll = 100'000'000;  // 100 %, in the unit of share_percent
    const auto place = static_cast<int64_t>(draw * kAll >> 64);
    return place < canary.share_percent;
}

}  // namespace routing
