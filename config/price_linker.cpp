#include "config/price_linker.h"

#include <fmt/format.h>

#include "config/grammar_prices.h"
#include "config/linker.h"
#include "config/yaml_flow.h"

namespace config {

namespace {

// A number for each class: figures, or what multiplies them in millionths.
using PerClass = Rates;

struct ClassName {
    std::string_view key;
    int64_t PerClass::*member;
    std::string_view stands_in;  // whose number it has when it is left out
};
constexpr ClassName kClasses[] = {{"input", &PerClass::input, ""},
                                  {"cache_read", &PerClass::cache_read, "input"},
                                  {"cache_write", &PerClass::cache_write, "input"},
                                  {"output", &PerClass::output, ""},
                                  {"reasoning", &PerClass::reasoning, "output"}};

// The number of a class, as it is written or as that of the class that stands in.
const Node& written(const Node& section, const ClassName& name) {
    const Member* member = find(section, name.key);
    return member ? member->value : find(section, name.stands_in)->value;
}

template <class Parse>
PerClass read_classes(const Node& section, Parse parse) {
    PerClass classes;
    for (const ClassName& name : kClasses)
        classes.*name.member = parse(written(section, name).text);
    return classes;
}

PerClass read_figures(const Node& section) {
    return read_classes(section, [](const auto& text) { return parse_usd_per_million(text)->n; });
}

PerClass read_factors(const Node& section) {
    return read_classes(section, [](const auto& text) { return *parse_factor(text); });
}

// Figures of a window, tier or long context, and what it is written like.
struct Change {
    const Member* figures = nullptr;  // one of the two
    const Member* factors = nullptr;
    std::string path;
};

class VersionLinker {
public:
    VersionLinker(const VersionPlace& place, Refusals& refusals)
        : node_(place.node), at_(place.at), path_(place.path), refusals_(refusals) {}

    std::optional<PriceVersion> link() {
        if (refusals_.any_at(path_)) return {};
        link_times();
        link_figures();
        if (!link_windows(node_, path_, version_.windows, refusals_)) return {};
        if (refusals_.any_at(path_)) return {};
        for (const Member& window : members(node_, "windows"))
            windows_.push_back(change(window, path_ + ".windows." + window.key));
        for (const Member& tier : members(node_, "tiers"))
            tiers_[static_cast<size_t>(*parse_service_tier(tier.key))] =
                change(tier, path_ + ".tiers." + tier.key);
        if (const Member* member = find(node_, "long_context")) {
            long_ = change(*member, path_ + ".long_context");
            link_long_context(member->value);
        }
        check_own_figures();
        if (refusals_.any_at(path_)) return {};
        fill_tariffs();
        if (refusals_.any_at(path_)) return {};
        version_.text = std::make_shared<const std::string>(flow_text(node_));
        return std::move(version_);
    }

private:
    const Node* value(std::string_view key) const {
        const Member* member = find(node_, key);
        return member ? &member->value : nullptr;
    }
    void refuse(const Member& member, const std::string& path, std::string why) {
        refusals_.add(member.at, path, std::move(why));
    }
    void refuse(std::string_view key, std::string why) {
        const Member* member = find(node_, key);
        refusals_.add(member ? member->at : at_, fmt::format("{}.{}", path_, key), std::move(why));
    }

    void link_times() {
        if (const Node* zone = value("time_zone")) version_.time_zone = *TimeZone::find(zone->text);
        const Node* from = value("effective_from");
        if (!from) {
            refuse("effective_from", "is missing; add effective_from: 2026-10-01T00:00:00Z");
            return;
        }
        version_.effective_from = *parse_rfc3339(from->text);
        const Node* until = value("effective_until");
        if (!until) return;
        version_.effective_until = parse_rfc3339(until->text);
        if (*version_.effective_until <= version_.effective_from)
            refuse("effective_until", "is not after effective_from; it would never hold");
    }

    void link_figures() {
        const Node* usd = value("usd_per_million");
        const Node* units = value("per_million");
        const Node* currency = value("currency");
        const Node* rate = value("usd_per_unit");
        if (!usd == !units) {
            refuse("usd_per_million", usd ? "stands beside per_million; remove one"
                                          : "is missing; add usd_per_million: {...}");
            return;
        }
        figures_key_ = usd ? "usd_per_million" : "per_million";
        version_.currency = "USD";
        base_.rates = read_figures(usd ? *usd : *units);
        base_.markup_ppm = parse_markup();
        if (usd) {
            for (const std::string_view key : {"currency", "usd_per_unit"}) {
                if (value(key)) refuse(key, "goes with per_million; write that, or remove this");
            }
            return;
        }
        if (!currency) refuse("currency", "is missing; add currency: CNY");
        if (!rate) refuse("usd_per_unit", "is missing; add usd_per_unit: \"0.1403\"");
        if (!currency || !rate) return;
        if (currency->text == "USD") refuse("currency", "is USD; write usd_per_million instead");
        version_.currency = currency->text;
        base_.usd_per_unit = *parse_rate(rate->text);
        check_in_usd(*units, path_ + ".per_million");
    }

    int64_t parse_markup() const {
        const Node* markup = value("markup_ppm");
        return markup ? std::stoll(markup->text) : 0;  // checked by the reader
    }

    // What stands in another currency is at most what may stand in USD.
    void check_in_usd(const Node& units, const std::string& path) {
        const PerClass figures = read_figures(units);
        for (const ClassName& name : kClasses) {
            if (figures.*name.member <= kUsdPerMillionMax * kNanoPerUnit / base_.usd_per_unit)
                continue;
            const Node& text = written(units, name);
            refusals_.add(
                text.at, fmt::format("{}.{}", path, name.key),
                fmt::format("comes to more than ${} per million tokens; write {} for one "
                            "million tokens, and USD for one {}",
                            kUsdPerMillionMax / 1'000'000, version_.currency, version_.currency));
            return;
        }
    }

    Change change(const Member& member, const std::string& path) {
        const Node& node = member.value;
        const std::string_view other =
            figures_key_ == "per_million" ? "usd_per_million" : "per_million";
        Change change{find(node, figures_key_), find(node, "factors"), path};
        if (const Member* misplaced = find(node, other)) {
            refuse(*misplaced, fmt::format("{}.{}", path, other),
                   fmt::format("is not what the version is in; write {}", figures_key_));
        } else if (!change.figures == !change.factors) {
            refuse(member, path,
                   change.figures ? fmt::format("has both {} and factors; remove one", figures_key_)
                                  : fmt::format("has neither {} nor factors; write one of them",
                                                figures_key_));
        } else if (change.figures && figures_key_ == "per_million") {
            check_in_usd(change.figures->value, path + ".per_million");
        }
        return change;
    }

    void link_long_context(const Node& node) {
        LongContext& rule = base_.long_context;
        rule.n_tokens = std::stoll(find(node, "above_tokens")->value.text);
        rule.inclusive = find(node, "inclusive")->value.text == "true";
        rule.counts_cached = find(node, "counts_cached")->value.text == "true";
        if (find(node, "measured_on")->value.text == "input_and_output")
            rule.measured_on = LongContext::Measure::input_and_output;
        if (find(node, "applies_to")->value.text != "excess") return;
        rule.applies_to = LongContext::Reach::excess;
        if (rule.measured_on != LongContext::Measure::input) {
            refuse(*find(node, "measured_on"), long_.path + ".measured_on",
                   "does not go with excess, which is of the prompt; write input");
        }
    }

    // Figures of its own replace what came before them: they must not undo a window or a tier in
    // silence.
    void check_own_figures() {
        const auto refuse_figures = [&](const Change& change, std::string why) {
            refuse(*change.figures, fmt::format("{}.{}", change.path, figures_key_),
                   std::move(why));
        };
        if (long_.figures && !windows_.empty())
            refuse_figures(long_, "would be the same in every window; write factors");
        for (const auto& tier : tiers_) {
            if (!tier || !tier->figures) continue;
            if (!windows_.empty())
                refuse_figures(*tier, "would be the same in every window; write factors");
            if (long_.figures)
                refuse_figures(*tier, "says nothing of long_context; write factors in one of them");
        }
    }

    PerClass changed(const PerClass& rates, const Change& change) {
        if (change.figures) return read_figures(change.figures->value);
        const PerClass factors = read_factors(change.factors->value);
        PerClass product;
        for (const ClassName& name : kClasses) {
            int64_t millionths = 0;
            const bool fits =
                !__builtin_mul_overflow(rates.*name.member, factors.*name.member, &millionths);
            if (!fits || millionths % kPartsPerMillion != 0) {
                const std::string path = fmt::format("{}.factors.{}", change.path, name.key);
                if (refusals_.any_at(path)) return product;  // in another window or tier already
                refusals_.add(
                    written(change.factors->value, name).at, path,
                    fmt::format("{} x {} {}; write {} instead",
                                to_usd_per_million({rates.*name.member}),
                                to_factor(factors.*name.member),
                                fits ? "has more than six decimals" : "is above every price",
                                figures_key_));
                return product;
            }
            product.*name.member = millionths / kPartsPerMillion;
        }
        return product;
    }

    void fill_tariffs() {
        for (size_t i = 0; i <= windows_.size(); ++i) {
            auto& row = version_.tariffs.emplace_back();
            const PerClass rates = i == 0 ? base_.rates : changed(base_.rates, windows_[i - 1]);
            for (size_t tier = 0; tier < kServiceTierCount; ++tier) {
                const auto& change = tiers_[tier];
                if (tier != 0 && !change) continue;
                row[tier] = tariff(rates, change);
            }
        }
    }

    Tariff tariff(const PerClass& rates, const std::optional<Change>& tier) {
        Tariff tariff = base_;
        tariff.rates = tier ? changed(rates, *tier) : rates;
        if (tariff.long_context.n_tokens == 0) return tariff;
        PerClass& of_long = tariff.long_context.rates;
        of_long = changed(tariff.rates, long_);
        if (long_.figures && tier) of_long = changed(of_long, *tier);
        if (tariff.long_context.applies_to == LongContext::Reach::excess) check_excess(tariff);
        return tariff;
    }

    void check_excess(const Tariff& tariff) {
        const Rates& of_long = tariff.long_context.rates;
        if (of_long.output == tariff.rates.output && of_long.reasoning == tariff.rates.reasoning)
            return;
        const Member& change = long_.figures ? *long_.figures : *long_.factors;
        refuse(change, fmt::format("{}.{}", long_.path, change.key),
               "output has no excess; write what output and reasoning cost anyway");
    }

    const Node& node_;
    const Mark at_;
    const std::string path_;
    Refusals& refusals_;
    PriceVersion version_;
    Tariff base_;
    std::string_view figures_key_;
    std::vector<Change> windows_;
    std::array<std::optional<Change>, kServiceTierCount> tiers_;
    Change long_;
};

}  // namespace

std::optional<PriceVersion> link_version(const VersionPlace& place, Refusals& refusals) {
    return VersionLinker(place, refusals).link();
}

}  // namespace config
