// Conditions and canary of a route: from names to what is matched, and what could never match.
#include <fmt/format.h>

#include <algorithm>

#include "config/link_conditions.h"
#include "config/linker.h"
#include "config/price_linker.h"
#include "config/scalar.h"

namespace config {

namespace {

constexpr size_t kLabelBytesMax = 128;  // "name=value", as the ledger takes them
constexpr size_t kLabelNameBytesMax = 64;
constexpr std::string_view kLabelNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
// RFC 9110, token, in lower case.
constexpr std::string_view kTokenCharacters = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
constexpr std::string_view kSecretHeaders[] = {"authorization", "proxy-authorization", "x-api-key",
                                               "api-key", "cookie"};

// One step's condition.
class ConditionLinker {
public:
    ConditionLinker(const Member& member, std::string path, const Endpoint& endpoint,
                    Refusals& refusals)
        : node_(member.value), path_(std::move(path)), refusals_(refusals) {
        if (node_.kind != Node::Kind::map || refusals_.any_at(path_)) return;
        const bool says_something = std::any_of(node_.members.begin(), node_.members.end(),
                                                [](const Member& m) { return !m.is_default; });
        if (!says_something) {
            refusals_.add(member.at, path_,
                          "says nothing; write a condition below it or remove it");
            return;
        }
        link_matches("labels", condition_.labels);
        link_matches("headers", condition_.headers);
        link_prompt(endpoint);
        link_hours(member);
    }

    Condition take() { return std::move(condition_); }

private:
    void refuse(Mark at, std::string_view key, std::string why) {
        refusals_.add(at, fmt::format("{}.{}", path_, key), std::move(why));
    }

    void link_matches(std::string_view key, std::vector<NamedMatch>& matches) {
        const bool is_header = key == "headers";
        for (const Member& item : members(node_, key)) {
            NamedMatch match{item.key, {}};
            if (is_header) {
                for (char& c : match.name)
                    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
            }
            const std::string why =
                is_header ? header_fault(match.name, matches) : label_name_fault(match.name);
            if (!why.empty()) {
                refuse(item.at, fmt::format("{}.{}", key, item.key), why);
                continue;
            }
            const bool is_list = item.value.kind == Node::Kind::list;
            const Node* const begin = is_list ? item.value.items.data() : &item.value;
            for (size_t i = 0; i < (is_list ? item.value.items.size() : 1); ++i) {
                const std::string fault = is_header ? header_value_fault(begin[i])
                                                    : label_value_fault(match.name, begin[i]);
                if (!fault.empty()) refuse(begin[i].at, fmt::format("{}.{}", key, item.key), fault);
                match.values.push_back(begin[i].text);
            }
            const bool is_any =
                std::find(match.values.begin(), match.values.end(), "*") != match.values.end();
            if (is_any && match.values.size() > 1) {
                refuse(item.value.at, fmt::format("{}.{}", key, item.key),
                       "has \"*\" beside other values, which it takes anyway; remove them");
            }
            if (is_any) match.values.clear();
            matches.push_back(std::move(match));
        }
    }

    static std::string header_fault(std::string_view name, const std::vector<NamedMatch>& before) {
        if (name.empty() || name.find_first_not_of(kTokenCharacters) != name.npos)
            return "can match nothing, no header is called so; write one as x-team";
        if (std::find(std::begin(kSecretHeaders), std::end(kSecretHeaders), name) !=
            std::end(kSecretHeaders))
            return "carries a secret and is matched against nothing; write labels of the key";
        for (const NamedMatch& match : before)
            if (match.name == name) return "is the same header in another case; remove one";
        return "";
    }

    static std::string label_name_fault(std::string_view name) {
        if (name.empty() || name.size() > kLabelNameBytesMax ||
            name.find_first_not_of(kLabelNameCharacters) != name.npos)
            return "can match nothing, no label is called so; write at most 64 letters, digits and "
                   ". _ -";
        return "";
    }

    static std::string header_value_fault(const Node& node) {
        if (node.text.front() == ' ' || node.text.back() == ' ')
            return fmt::format(
                "{} can match nothing, blanks around a header's value do not count; "
                "remove them",
                shown(node));
        return "";
    }

    static std::string label_value_fault(std::string_view name, const Node& node) {
        const bool is_visible = std::all_of(node.text.begin(), node.text.end(),
                                            [](char c) { return c > ' ' && c < 0x7f && c != ','; });
        if (is_visible && name.size() + 1 + node.text.size() <= kLabelBytesMax) return "";
        return fmt::format(
            "{} can match nothing, no label has such a value; write visible "
            "characters without commas, 128 with the name",
            shown(node));
    }

    int64_t tokens(std::string_view key, int64_t otherwise) const {
        const Member* member = find(node_, key);
        if (!member) return otherwise;
        Key number{};
        number.type = Type::integer;
        number.max = INT64_MAX;
        const auto read = read_scalar(number, member->value);
        return read ? read->number : otherwise;
    }

    void link_prompt(const Endpoint& endpoint) {
        condition_.prompt_tokens_min = tokens("prompt_tokens_min", 0);
        condition_.prompt_tokens_max = tokens("prompt_tokens_max", INT64_MAX);
        const Member* least = find(node_, "prompt_tokens_min");
        if (!least) return;
        if (condition_.prompt_tokens_min > condition_.prompt_tokens_max) {
            refuse(least->value.at, "prompt_tokens_min",
                   fmt::format("can match nothing, it is above prompt_tokens_max {}; lower it",
                               condition_.prompt_tokens_max));
        } else if (endpoint.n_ctx > 0 && condition_.prompt_tokens_min >= endpoint.n_ctx) {
            refuse(least->value.at, "prompt_tokens_min",
                   fmt::format("can match nothing, the context of {} is {} tokens; lower it",
                               endpoint.name, endpoint.n_ctx));
        }
    }

    void link_hours(const Member& member) {
        const Member* hours = find(node_, "hours");
        const Member* days = find(node_, "days");
        const Member* zone = find(node_, "time_zone");
        const bool is_set = hours || (days && !days->is_default) || find(node_, "excluded_dates");
        if (!is_set) {
            if (zone && !zone->is_default)
                refuse(zone->at, "time_zone", "is the clock of nothing; write hours or remove it");
            return;
        }
        OpenHours open;
        open.window = link_window(member, path_, refusals_);
        open.window.name.clear();
        if (!hours) open.window.hours = {{0, 24 * 60}};
        if (zone) open.time_zone = TimeZone::find(zone->value.text).value_or(TimeZone());
        condition_.hours = std::move(open);
    }

    const Node& node_;
    const std::string path_;
    Refusals& refusals_;
    Condition condition_;
};

}  // namespace

void link_conditions(const Member& member, Route& route, const Config& config, Refusals& refusals) {
    const Member* when = find(member.value, "when");
    if (!when || when->value.kind != Node::Kind::map) return;
    const std::string path = fmt::format("routes.{}.when", member.key);
    route.conditions.resize(route.plan.size());
    for (const Member& item : when->value.members) {
        const std::string item_path = fmt::format("{}.{}", path, item.key);
        const auto place = place_in_plan(item, item_path, route, config, refusals);
        if (!place) continue;
        route.conditions[*place] =
            ConditionLinker(item, item_path, config.endpoints[route.plan[*place]], refusals).take();
    }
}

void link_canary(const Node& root, const Member& member, Route& route, Refusals& refusals) {
    const Member* written = find(member.value, "canary");
    const std::string path = fmt::format("routes.{}.canary", member.key);
    if (!written || written->value.kind != Node::Kind::map || refusals.any_at(path)) return;
    const Member& endpoint = *find(written->value, "endpoint");
    const auto index = resolve(root, "endpoints", endpoint.value, path + ".endpoint", refusals);
    if (!index) return;
    Canary canary;
    canary.endpoint = *index;
    if (std::find(route.plan.begin(), route.plan.end(), *index) != route.plan.end()) {
        refusals.add(endpoint.value.at, path + ".endpoint",
                     fmt::format("{} is in the plan, which all get; remove it from one of them",
                                 shown(endpoint.value)));
    }
    Key percent{};
    percent.type = Type::factor;
    percent.max = INT64_MAX;
    if (const auto read = read_scalar(percent, find(written->value, "percent")->value))
        canary.share_percent = read->number;
    if (find(written->value, "by")->value.text == "request") canary.by = Canary::By::request;
    route.canary = canary;
}

}  // namespace config
