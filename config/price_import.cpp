#include "config/price_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/grammar.h"
#include "config/price_table.h"
#include "config/refusals.h"

namespace config {

namespace {

// The rows of one version of a model's price.
struct Group {
    const PriceTableRow* base = nullptr;
    const PriceTableRow* longer = nullptr;
    std::vector<const PriceTableRow*> windows, tiers;
};

class ModelImport {
public:
    ModelImport(const PriceTable& table, const Node& model) : table_(table), model_(model) {
        price_.model = text_at(model, "id");
        price_.name = price_.model;
        std::replace_if(
            price_.name.begin(), price_.name.end(),
            [](char c) { return !is_name(std::string("a") + c, false); }, '-');
    }

    ImportedPrice run() {
        const Member* prices = find(model_, "prices");
        for (const Node& node : prices ? prices->value.items : std::vector<Node>()) add_row(node);
        for (PriceTableRow& row : rows_) place(row);
        const size_t n_versions = static_cast<size_t>(std::count_if(
            groups_.begin(), groups_.end(), [](const auto& g) { return g.second.base; }));
        std::string lines;
        for (const auto& [begin, group] : groups_) {
            if (!group.base) {
                leave_out(fmt::format("rows from {}: none of them has the standard price", begin));
                continue;
            }
            const std::string indent(n_versions > 1 ? 8 : 4, ' ');
            if (n_versions > 1) lines += fmt::format("      from-{}:\n", begin.substr(0, 10));
            lines += version(begin, group, indent);
        }
        if (!lines.empty()) {
            price_.yaml = fmt::format("  {}:\n{}{}", price_.name,
                                      n_versions > 1 ? "    versions:\n" : "", lines);
        }
        return std::move(price_);
    }

private:
    void leave_out(std::string why) { price_.left_out.push_back(std::move(why)); }

    void add_row(const Node& node) {
        const PriceTableRow row = read_row(node);
        const std::string what = fmt::format("line {}: ", node.at.line);
        if (row.is_list_price) {
            leave_out(what + "a list price that nobody pays");
        } else if (!row.verified) {
            leave_out(what + "not verified");
        } else if (row.input.empty() || row.output.empty()) {
            leave_out(what + "no figures");
        } else if (row.currency != "USD") {
            leave_out(what +
                      fmt::format("in {}, which needs a rate of yours: currency, usd_per_unit, "
                                  "per_million",
                                  row.currency));
        } else if (!parse_usd_per_million(row.input) || !parse_usd_per_million(row.output) ||
                   (!row.cached.empty() && !parse_usd_per_million(row.cached))) {
            leave_out(what + "a figure with more than six decimals, or none");
        } else if (row.begin.empty()) {
            leave_out(what + "no day from which it holds or on which it was seen");
        } else {
            rows_.push_back(row);
        }
    }

    void place(const PriceTableRow& row) {
        Group& group = groups_[begin_of(row)];
        if (row.is_long) {
            group.longer = &row;
        } else if (row.tier != "default") {
            group.tiers.push_back(&row);
        } else if (!row.window.empty() && row.window != "off_peak") {
            group.windows.push_back(&row);
        } else if (!group.base) {
            group.base = &row;
        } else {
            leave_out(fmt::format("line {}: a second standard price of the same time", row.line));
        }
    }

    // Rows without a begin of their own are of one version, which the standard price dates.
    std::string begin_of(const PriceTableRow& row) const {
        if (row.is_dated) return row.begin;
        for (const PriceTableRow& other : rows_) {
            if (!other.is_dated && !other.is_long && other.tier == "default") return other.begin;
        }
        return row.begin;
    }

    std::string version(const std::string& begin, const Group& group, const std::string& indent) {
        const PriceTableRow& base = *group.base;
        std::string lines =
            comment(base, indent) + fmt::format("{}effective_from: {}\n", indent, begin);
        if (!base.until.empty())
            lines += fmt::format("{}effective_until: {}\n", indent, base.until);
        lines += fmt::format("{}usd_per_million: {}\n", indent, figures(base));
        lines += windows(group, indent);
        if (group.longer) {
            lines += comment(*group.longer, indent) +
                     fmt::format("{}long_context: {{above_tokens: {}, {}}}\n", indent,
                                 group.longer->threshold, terms(*group.longer, base));
        } else if (!base.threshold.empty()) {
            leave_out(
                fmt::format("line {}: holds up to {} input tokens, and beyond nothing is verified: "
                            "end n_ctx of "
                            "its endpoints there",
                            base.line, base.threshold));
        }
        for (size_t i = 0; i < group.tiers.size(); ++i) {
            const PriceTableRow& row = *group.tiers[i];
            if (i == 0) lines += indent + "tiers:\n";
            lines += comment(row, indent + "  ") +
                     fmt::format("{}  {}: {{{}}}\n", indent, row.tier, terms(row, base));
        }
        return lines;
    }

    std::string windows(const Group& group, const std::string& indent) {
        std::string lines;
        for (const PriceTableRow* row : group.windows) {
            const auto hours = table_.hours_of(model_);
            if (!hours) {
                leave_out(fmt::format("line {}: {} hours that the table does not state", row->line,
                                      row->window));
                continue;
            }
            if (lines.empty()) lines = indent + "windows:\n";
            lines += comment(*row, indent + "  ");
            if (!hours->note.empty()) lines += fmt::format("{}  # {}\n", indent, hours->note);
            lines +=
                fmt::format("{0}  {1}:\n{0}    hours: [{2}]\n", indent, row->window, hours->spans);
            if (!hours->days.empty())
                lines += fmt::format("{}    days: [{}]\n", indent, hours->days);
            lines += fmt::format("{}    usd_per_million: {}\n", indent, figures(*row));
        }
        return lines;
    }

    std::string comment(const PriceTableRow& row, const std::string& indent) const {
        std::string text = fmt::format("{}# {}", indent, table_.title_of(row.source));
        if (!row.seen.empty()) text += ", seen " + row.seen;
        return text + (row.note.empty() ? "" : "; " + row.note) + "\n";
    }

    static std::string figures(const PriceTableRow& row) {
        return fmt::format(
            "{{input: \"{}\",{} output: \"{}\"}}", row.input,
            row.cached.empty() ? "" : fmt::format(" cache_read: \"{}\",", row.cached), row.output);
    }

    // Factors where they are exact: they go with windows and tiers.
    static std::string terms(const PriceTableRow& row, const PriceTableRow& base) {
        const auto input = ratio(row.input, base.input);
        const auto output = ratio(row.output, base.output);
        const auto cached = ratio(row.cached, base.cached);
        if (!input || !output || !cached || row.cached.empty() != base.cached.empty())
            return "usd_per_million: " + figures(row);
        const bool as_input = row.cached.empty() || *cached == *input;
        const std::string of_cached =
            as_input ? "" : fmt::format(" cache_read: \"{}\",", to_factor(*cached));
        return fmt::format("factors: {{input: \"{}\",{} output: \"{}\"}}", to_factor(*input),
                           of_cached, to_factor(*output));
    }

    // In millionths; nothing, if it is none of at most six decimals. Of two that are missing: that
    // of nothing to nothing.
    static std::optional<int64_t> ratio(const std::string& figure, const std::string& of) {
        const auto a = parse_usd_per_million(figure.empty() ? "1" : figure);
        const auto b = parse_usd_per_million(of.empty() ? "1" : of);
        if (!a || !b || b->n == 0 || a->n * kPartsPerMillion % b->n != 0) return {};
        const int64_t millionths = a->n * kPartsPerMillion / b->n;
        if (millionths == 0) return {};
        return millionths;
    }

    const PriceTable& table_;
    const Node& model_;
    ImportedPrice price_;
    std::vector<PriceTableRow> rows_;
    std::map<std::string, Group> groups_;
};

}  // namespace

tl::expected<std::vector<ImportedPrice>, std::vector<Refusal>> import_prices(
    std::string_view text, std::string_view name) {
    Refusals refusals(name);
    const auto root = parse_yaml(text, refusals);
    if (!root || !refusals.empty()) return tl::make_unexpected(refusals.take());
    const Member* models = find(*root, "models");
    if (!models || models->value.kind != Node::Kind::list) {
        refusals.add(
            models ? models->at : Mark{1, 1}, "models",
            "is no list; a table of prices has one entry a model, each with id and prices");
        return tl::make_unexpected(refusals.take());
    }
    const PriceTable table(*root);
    std::vector<ImportedPrice> imported;
    for (const Node& model : models->value.items)
        imported.push_back(ModelImport(table, model).run());
    return imported;
}

}  // namespace config
