#include "config/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/config.h"
#include "config/nearest.h"
#include "config/units.h"
#include "config/url.h"
#include "config/yaml_text.h"

namespace config {

namespace {

using Result = tl::expected<Value, std::string>;

constexpr size_t kTextBytesMax = 8 << 10;

auto refuse(std::string why) {
    return tl::make_unexpected(std::move(why));
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string number_cure(std::string_view text) {
    std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
    if (is_digits(digits) && digits.size() > 1) {
        digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
        return fmt::format("no leading zeros; write {}", digits);
    }
    return "write decimal digits only";
}

Result read_integer(const Key& key, const Node& node) {
    if (node.quoted) return refuse("a number stands without quotes; remove them");
    int64_t number = 0;
    const std::string& text = node.text;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view digits = std::string_view(text).substr(text.starts_with('-') ? 1 : 0);
    if (!is_digits(digits) || (digits.size() > 1 && digits[0] == '0')) {
        return refuse(fmt::format("{} is not a whole number; {}", shown(node), number_cure(text)));
    }
    if (ec != std::errc() || end != text.data() + text.size() || number < key.min ||
        number > key.max) {
        return refuse(
            key.min == key.max
                ? fmt::format("{} is not known; write {}", shown(node), key.min)
                : fmt::format("{} is out of range; write {} to {}", shown(node), key.min, key.max));
    }
    return Value{.text = {}, .number = number};
}

Result read_boolean(const Node& node) {
    if (node.quoted || (node.text != "true" && node.text != "false")) {
        return refuse(fmt::format("{} is not a boolean; write true or false", shown(node)));
    }
    return Value{.text = {}, .number = 0, .flag = node.text == "true"};
}

bool is_printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Result read_text(const Node& node) {
    if (node.text.empty()) return refuse("is empty; write a value or leave the key out");
    if (node.text.size() > kTextBytesMax) return refuse("is longer than 8 KiB; shorten it");
    if (!is_printable(node.text)) return refuse("is not one line of text; remove line breaks");
    if (!node.quoted && node.expanded_from.empty() && looks_typed(node.text)) {
        return refuse(
            fmt::format("{} is no text to other readers of YAML; write it in quotes: \"{}\"",
                        shown(node), node.text));
    }
    return Value{.text = node.text};
}

// As text, but no refusal ever repeats what stands there.
Result read_secret(const Node& node) {
    if (!node.quoted && node.expanded_from.empty() && looks_typed(node.text))
        return refuse("is no text to other readers of YAML; write it in quotes");
    return read_text(node);
}

Result read_ip_address(const Node& node) {
    if (!is_ip_address(node.text)) {
        return refuse(fmt::format("{} is not an IP address; write one such as 127.0.0.1 or \"::\"",
                                  shown(node)));
    }
    return Value{.text = node.text};
}

Result read_url(const Node& node) {
    auto url = read_base_url(node.text);
    if (!url) return refuse(std::move(url.error()));
    return Value{.text = std::move(*url)};
}

Result read_duration(const Key& key, const Node& node) {
    const auto duration = parse_duration(node.text);
    if (!duration) {
        return refuse(
            fmt::format("{} is not a duration; write a whole number and ms, s, m or h, "
                        "such as 30s",
                        shown(node)));
    }
    if (duration->count() < key.min || duration->count() > key.max) {
        return refuse(fmt::format("{} is out of range; write {} to {}", shown(node),
                                  shown_duration(key.min), shown_duration(key.max)));
    }
    return Value{.text = {}, .number = duration->count()};
}

Result read_bytes(const Key& key, const Node& node) {
    const auto bytes = parse_bytes(node.text);
    if (!bytes) {
        return refuse(
            fmt::format("{} is not a size; write a whole number and B, KiB, MiB or GiB, "
                        "such as 32MiB",
                        shown(node)));
    }
    if (*bytes < key.min || *bytes > key.max) {
        return refuse(fmt::format("{} is out of range; write {} to {}", shown(node),
                                  shown_bytes(key.min), shown_bytes(key.max)));
    }
    return Value{.text = {}, .number = *bytes};
}

Result read_time(const Node& node) {
    const auto at = parse_rfc3339(node.text);
    if (!at) {
        return refuse(
            fmt::format("{} is not an RFC 3339 time; write one such as "
                        "2026-10-01T00:00:00Z",
                        shown(node)));
    }
    return Value{.text = {}, .number = at->ms};
}

// Only what stands in quotes is the same decimal to every reader of YAML.
bool stands_bare(const Node& node) {
    return !node.quoted && node.expanded_from.empty();
}

Result read_price(const Key& key, const Node& node) {
    if (stands_bare(node)) {
        return refuse(fmt::format("a price is a decimal in quotes; write \"{}\"",
                                  parse_usd_per_million(node.text) ? node.text : "0.20"));
    }
    const auto price = parse_usd_per_million(node.text);
    if (!price) {
        return refuse(
            fmt::format("{} is not a price; write digits with at most six decimals, "
                        "such as \"0.20\"",
                        shown(node)));
    }
    if (price->n > key.max) {
        return refuse(
            fmt::format("{} is above ${} per million tokens; write USD for one "
                        "million tokens",
                        shown(node), key.max / 1'000'000));
    }
    return Value{.text = {}, .number = price->n};
}

Result read_factor(const Key& key, const Node& node) {
    const auto factor = parse_factor(node.text);
    if (stands_bare(node)) {
        return refuse(fmt::format("a factor is a decimal in quotes; write \"{}\"",
                                  factor ? node.text : "0.5"));
    }
    if (!factor || *factor < key.min || *factor > key.max) {
        return refuse(
            fmt::format("{} is not a factor; write digits with at most six decimals, above 0 and "
                        "at most {}, such as \"0.5\"",
                        shown(node), key.max / 1'000'000));
    }
    return Value{.text = {}, .number = *factor};
}

Result read_rate(const Key& key, const Node& node) {
    const auto rate = parse_rate(node.text);
    if (stands_bare(node)) {
        return refuse(fmt::format("a rate is a decimal in quotes; write \"{}\"",
                                  rate ? node.text : "0.1403"));
    }
    if (!rate || *rate < key.min) {
        return refuse(
            fmt::format("{} is not a rate; write USD for one unit, digits with at most nine "
                        "decimals, above 0 and at most {}, such as \"0.1403\"",
                        shown(node), key.max / kNanoPerUnit));
    }
    return Value{.text = {}, .number = *rate};
}

Result read_currency(const Node& node) {
    if (node.text.size() != 3 || !std::all_of(node.text.begin(), node.text.end(),
                                              [](char c) { return c >= 'A' && c <= 'Z'; })) {
        return refuse(
            fmt::format("{} is not a currency; write three capitals, such as CNY", shown(node)));
    }
    return Value{.text = node.text};
}

Result read_zone(const Node& node) {
    if (!TimeZone::find(node.text)) {
        return refuse(
            fmt::format("{} is no time zone of this machine; write UTC or an IANA name, such as "
                        "Asia/Shanghai",
                        shown(node)));
    }
    return Value{.text = node.text};
}

Result read_span(const Node& node) {
    const auto span = parse_span(node.text);
    if (!span) {
        return refuse(fmt::format("{} is not a span of hours; write one such as \"01:00-04:00\"",
                                  shown(node)));
    }
    if (span->begin >= span->end) {
        return refuse(fmt::format(
            "{} ends before it begins; write one up to 24:00 and one from 00:00", shown(node)));
    }
    return Value{.text = node.text};
}

Result read_date(const Node& node) {
    if (!parse_date(node.text)) {
        return refuse(fmt::format("{} is not a date; write one such as 2026-10-01", shown(node)));
    }
    return Value{.text = node.text};
}

Result read_word(const Key& key, const Node& node) {
    const bool known = std::find(key.words.begin(), key.words.end(), node.text) != key.words.end();
    if (known && (node.quoted || !node.expanded_from.empty() || !looks_typed(node.text))) {
        return Value{.text = node.text};
    }
    if (known) return refuse(fmt::format("needs quotes; write \"{}\"", node.text));
    if (parse_failure_class(node.text)) {
        return refuse(
            fmt::format("{} never falls back: the next endpoint would be asked the same; "
                        "remove it",
                        node.text));
    }
    const std::vector<std::string_view> words(key.words.begin(), key.words.end());
    return refuse(fmt::format("{} is not one of its words{}", shown(node),
                              node.expanded_from.empty()
                                  ? suggestion(node.text, words)
                                  : fmt::format("; known: {}", fmt::join(words, ", "))));
}

}  // namespace

std::optional<PriceWindow::Span> parse_span(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) return {};
    const auto begin = parse_time_of_day(text.substr(0, dash));
    const auto end = parse_time_of_day(text.substr(dash + 1));
    if (!begin || !end) return {};
    return PriceWindow::Span{*begin, *end};
}

bool looks_typed(std::string_view text) {
    static constexpr std::string_view kWords[] = {"y",   "n",    "yes",   "no",   "on",
                                                  "off", "true", "false", "null", "~"};
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (std::find(std::begin(kWords), std::end(kWords), lower) != std::end(kWords)) return true;
    if (lower == ".inf" || lower == "-.inf" || lower == "+.inf" || lower == ".nan") return true;
    std::string_view rest = lower;
    if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
    if (rest.starts_with("0x")) {
        return rest.find_first_not_of("0123456789abcdef_", 2) == std::string_view::npos;
    }
    if (rest.starts_with("0o") || rest.starts_with("0b")) {
        return rest.find_first_not_of("01234567_", 2) == std::string_view::npos;
    }
    return rest.find_first_of("0123456789") != std::string_view::npos &&
           rest.find_first_not_of("0123456789._:e+-") == std::string_view::npos &&
           (rest[0] == '.' || (rest[0] >= '0' && rest[0] <= '9')) && rest.find("::") == rest.npos;
}

std::string shown_duration(int64_t ms) {
    static constexpr std::pair<int64_t, std::string_view> kUnits[] = {
        {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}};
    for (const auto& [scale, unit] : kUnits) {
        if (ms >= scale && ms % scale == 0) return fmt::format("{}{}", ms / scale, unit);
    }
    return ms == 0 ? "0s" : fmt::format("{}ms", ms);
}

std::string shown_bytes(int64_t n) {
    static constexpr std::pair<int64_t, std::string_view> kUnits[] = {
        {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};
    for (const auto& [scale, unit] : kUnits) {
        if (n >= scale && n % scale == 0) return fmt::format("{}{}", n / scale, unit);
    }
    return fmt::format("{}B", n);
}

std::string shown(const Node& node) {
    if (!node.expanded_from.empty()) return fmt::format("what {} stands for", node.expanded_from);
    constexpr size_t kShownMax = 40;
    std::string text;
    for (std::string_view rest = node.text; !rest.empty();) {
        const size_t length = std::max<size_t>(utf8_length(rest), 1);
        if (text.size() + length > kShownMax) {
            text += "...";
            break;
        }
        const auto c = static_cast<unsigned char>(rest[0]);
        text += c < 0x20 || c == 0x7F ? std::string("?") : std::string(rest.substr(0, length));
        rest.remove_prefix(length);
    }
    return fmt::format("\"{}\"", text);
}

Result read_scalar(const Key& key, const Node& node) {
    if (node.kind == Node::Kind::null)
        return refuse("is empty; write a value or leave the key out");
    if (node.kind != Node::Kind::scalar) return refuse("needs a single value, not a list or keys");
    switch (key.type) {
        case Type::integer:
            return read_integer(key, node);
        case Type::boolean:
            return read_boolean(node);
        case Type::secret:
        case Type::secrets:
            return read_secret(node);
        case Type::ip_address:
            return read_ip_address(node);
        case Type::url:
            return read_url(node);
        case Type::duration:
            return read_duration(key, node);
        case Type::bytes:
            return read_bytes(key, node);
        case Type::time:
            return read_time(node);
        case Type::price:
            return read_price(key, node);
        case Type::factor:
            return read_factor(key, node);
        case Type::rate:
            return read_rate(key, node);
        case Type::currency:
            return read_currency(node);
        case Type::zone:
            return read_zone(node);
        case Type::spans:
            return read_span(node);
        case Type::dates:
            return read_date(node);
        case Type::word:
        case Type::words:
            return read_word(key, node);
        case Type::text:
        case Type::reference:
        case Type::references:
        case Type::names:
        case Type::origins:
        case Type::shares:
        case Type::matches:
        case Type::section:
        case Type::named:
            return read_text(node);
    }
    return refuse("has no reader");
}

}  // namespace config
