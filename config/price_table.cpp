#include "config/price_table.h"

#include <fmt/format.h>

#include "config/scalar.h"

namespace config {

namespace {

// "2026-09-10" and "2026-08-16T16:00Z" as RFC 3339; empty for anything else.
std::string to_time(const std::string& text) {
    for (const std::string& time : {text, text + "T00:00:00Z"}) {
        if (parse_rfc3339(time)) return time;
    }
    if (!text.ends_with('Z')) return "";
    const std::string with_seconds = text.substr(0, text.size() - 1) + ":00Z";
    return parse_rfc3339(with_seconds) ? with_seconds : "";
}

std::optional<PriceTable::Hours> read_hours(const Node& model) {
    const Member* windows = find(model, "peak_windows");
    if (!windows) return {};
    std::optional<PriceTable::Hours> hours;
    for (const Node& node : windows->value.items) {
        const Member* spans = find(node, "utc");
        const std::string days = text_at(node, "days");
        const bool all_days = days.empty() || days == "every day";
        const bool working_days = days.starts_with("Monday to Friday");
        if (!spans || text_at(node, "verified") != "true" || (!all_days && !working_days)) continue;
        PriceTable::Hours found;
        for (const Node& span : spans->value.items) {
            if (!parse_span(span.text)) return {};
            found.spans += fmt::format("{}\"{}\"", found.spans.empty() ? "" : ", ", span.text);
        }
        if (working_days) {
            found.days = "monday, tuesday, wednesday, thursday, friday";
            if (days != "Monday to Friday")
                found.note = "the table says: " + days + "; add excluded_dates";
        }
        hours = std::move(found);
    }
    return hours;
}

}  // namespace

std::string text_at(const Node& map, std::string_view key) {
    const Member* member = find(map, key);
    if (!member || member->value.kind != Node::Kind::scalar) return "";
    const Node& value = member->value;
    return !value.quoted && (value.text == "null" || value.text == "~") ? "" : value.text;
}

PriceTableRow read_row(const Node& node) {
    PriceTableRow row;
    row.line = node.at.line;
    row.seen = text_at(node, "seen");
    const std::string from = text_at(node, "from");
    const std::string in_effect_on = text_at(node, "in_effect_on");
    row.is_dated = !from.empty() || !in_effect_on.empty();
    row.begin = to_time(!from.empty() ? from : !in_effect_on.empty() ? in_effect_on : row.seen);
    row.until = to_time(text_at(node, "until"));
    row.window = text_at(node, "window");
    row.tier = text_at(node, "service_tier");
    if (row.tier.empty()) row.tier = "default";
    row.currency = text_at(node, "currency");
    if (row.currency.empty()) row.currency = "USD";
    row.source = text_at(node, "source");
    row.note = text_at(node, "note");
    row.input = text_at(node, "input");
    row.output = text_at(node, "output");
    if (text_at(node, "cached_input_verified") != "false")
        row.cached = text_at(node, "cached_input");
    row.threshold = text_at(node, "above_input_tokens");
    row.is_long = !row.threshold.empty();
    if (!row.is_long) row.threshold = text_at(node, "up_to_input_tokens");
    row.verified = text_at(node, "verified") == "true";
    row.is_list_price = text_at(node, "list") == "true";
    return row;
}

std::string PriceTable::title_of(const std::string& source) const {
    const Member* sources = find(root_, "sources");
    const Member* entry = sources ? find(sources->value, source) : nullptr;
    const std::string title = entry ? text_at(entry->value, "title") : "";
    return !title.empty() ? title : source.empty() ? "source not stated" : source;
}

std::optional<PriceTable::Hours> PriceTable::hours_of(const Node& model) const {
    if (auto hours = read_hours(model)) return hours;
    const std::string provider = text_at(model, "provider");
    for (const Node& other : find(root_, "models")->value.items) {
        if (provider.empty() || text_at(other, "provider") != provider) continue;
        if (auto hours = read_hours(other)) return hours;
    }
    return {};
}

}  // namespace config
