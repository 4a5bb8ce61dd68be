#include "config/link_thinking.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/grammar_store.h"
#include "config/thinking_defaults.h"

namespace config {

namespace {

using Action = ThinkingRule::Action;

class ThinkingLinker {
public:
    ThinkingLinker(const Node& node, const std::string& path, Endpoint& endpoint,
                   Refusals& refusals)
        : node_(node), path_(path + ".thinking"), endpoint_(endpoint), refusals_(refusals) {}

    void at_engine(const Engine& engine) {
        table() = local_thinking(engine.encoding, engine.default_effort.value_or(Effort::high));
        for (const Member& member : members(node_, "thinking")) {
            const bool is_senders =
                member.key == "like" || member.key == "spelling" || member.key == "replay" ||
                (member.key == "budget" && member.value.text == Spelling<BudgetRule>::words[2]);
            if (is_senders)
                refuse(member, "does not go with engine: nothing is sent on; remove it");
            else
                override_by(member, tiers(engine.encoding));
        }
    }

    void at_upstream(UpstreamKind kind) {
        const ShippedThinking* shipped = &shipped_thinking(kind, endpoint_.model);
        const Member* written = find(node_, "thinking");
        if (const Member* like = written ? find(written->value, "like") : nullptr) {
            const ShippedThinking* named = shipped_thinking(like->value.text);
            if (named != nullptr) shipped = named;
        }
        table() = shipped->table;
        default_tier_ = table().absent.tier;
        for (const Member& member : members(node_, "thinking")) {
            if (member.key == "budget" && member.value.text == Spelling<BudgetRule>::words[3])
                refuse(member, "is for engines; write one of refuse, tier, sent");
            else
                override_by(member, shipped->tiers);
        }
    }

private:
    ThinkingTable& table() { return endpoint_.thinking; }

    void refuse(const Member& member, std::string why) {
        refusals_.add(member.value.at, path_ + "." + member.key, std::move(why));
    }

    void override_by(const Member& member, std::span<const Effort> known) {
        if (ThinkingRule* const rule = rule_of(member.key)) {
            override_rule(member, known, *rule);
        } else if (ParamSet* const params = params_of(member.key)) {
            *params = {};
            for (const Node& item : member.value.items) add_param(member, item.text, *params);
        } else if (member.value.kind == Node::Kind::scalar) {
            Value value;
            value.text = member.value.text;
            if (member.key == "spelling") assign(table().spelling, value);
            if (member.key == "budget") assign(table().budget, value);
            if (member.key == "replay") assign(table().replay, value);
            const char* const end = value.text.data() + value.text.size();
            if (member.key == "budget_tokens_min")
                std::from_chars(value.text.data(), end, table().n_budget_min);
        }
    }

    // An engine cannot leave out what its prompt and its answer are made of.
    void add_param(const Member& member, std::string_view name, ParamSet& params) {
        for (size_t i = 0; i < kParamCount; ++i) {
            const auto param = static_cast<Param>(i);
            if (name != to_string(param)) continue;
            const bool is_dropped = &params != &table().rejected;
            if (is_dropped && endpoint_.engine && param > Param::top_k)
                refuse(member, "an engine drops temperature, top_p and top_k; remove the others");
            params.add(param);
        }
    }

    ThinkingRule* rule_of(std::string_view row) {
        if (row == "on") return &table().on;
        if (row == "absent") return &table().absent;
        const auto asked = parse_effort(row);
        const bool is_word = asked && row == to_string(*asked);
        return is_word ? &table().efforts[static_cast<size_t>(*asked)] : nullptr;
    }

    ParamSet* params_of(std::string_view key) {
        if (key == "ignored_params") return &table().ignored;
        if (key == "fixed_sampling") return &table().fixed;
        return key == "rejected_params" ? &table().rejected : nullptr;
    }

    void override_rule(const Member& row, std::span<const Effort> known, ThinkingRule& rule) {
        if (row.value.kind != Node::Kind::scalar) return;
        const std::string& word = row.value.text;
        const auto tier = parse_effort(word);
        const Effort own = row.key == "none" ? Effort::none : default_tier_.value_or(Effort::none);
        if (word == "refuse") {
            rule = {Action::refuse, Effort::none};
        } else if ((word == "omit" || word == "on") && !default_tier_) {
            refuse(row, fmt::format("an engine is always told; write one of {}", words(known)));
        } else if (word == "omit") {
            rule = {Action::omit, own};
        } else if (word == "on") {
            rule = {Action::on, table().on.tier};
        } else if (tier && std::ranges::find(known, *tier) == known.end()) {
            refuse(row, fmt::format("cannot be kept there; write one of {}", words(known)));
        } else if (tier) {
            rule = {Action::tier, *tier};
        }
    }

    const Node& node_;
    const std::string path_;
    Endpoint& endpoint_;
    Refusals& refusals_;
    std::optional<Effort> default_tier_;  // of nothing said; none at an engine
};

}  // namespace

void link_thinking(const Node& node, const std::string& path, const Config& config,
                   Endpoint& endpoint, Refusals& refusals) {
    ThinkingLinker linker(node, path, endpoint, refusals);
    if (endpoint.engine) linker.at_engine(config.engines[*endpoint.engine]);
    if (endpoint.upstream) linker.at_upstream(config.upstreams[*endpoint.upstream].kind);
}

std::string words(std::span<const Effort> efforts) {
    std::vector<std::string_view> names;
    for (const Effort effort : efforts) names.push_back(to_string(effort));
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace config
