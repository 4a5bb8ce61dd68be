#include "billing/key_terms.h"

#include "billing/account_tree.h"

namespace billing {
namespace {

constexpr size_t kItemsMax = 100;
constexpr size_t kItemBytesMax = 128;

tl::unexpected<Error> invalid(std::string what) {
    return tl::unexpected(Error{Errc::text_invalid, std::move(what)});
}

bool is_item(std::string_view text) {
    return !text.empty() && text.size() <= kItemBytesMax &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ','; });
}

bool is_label(const std::string& text) {
    const size_t equals = text.find('=');
    return is_item(text) && equals != text.npos && is_account_name(text.substr(0, equals));
}

bool sort_unique(std::vector<std::string>& items) {
    std::ranges::sort(items);
    return items.size() <= kItemsMax && std::ranges::adjacent_find(items) == items.end();
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> items;
    while (!text.empty()) {
        const size_t comma = text.find(',');
        items.emplace_back(text.substr(0, comma));
        text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    }
    return items;
}

}  // namespace

Result<KeyTerms> checked(KeyTerms terms) {
    if (!terms.name.empty() && !is_account_name(terms.name))
        return invalid("a key's name is 1 to 64 of A-Z a-z 0-9 . _ -");
    for (std::vector<std::string>* list :
         {&terms.labels, &terms.routes, &terms.endpoints, &terms.networks}) {
        if (!sort_unique(*list) || !std::ranges::all_of(*list, is_item))
            return invalid(
                "at most 100 different labels, routes, endpoints and networks, each of 1 "
                "to 128 visible characters without commas");
    }
    std::string last;
    for (const std::string& label : terms.labels) {
        const std::string name = label.substr(0, label.find('='));
        if (!is_label(label) || name == last)
            return invalid("\"" + label + "\" is no label: write name=value, each name once");
        last = name;
    }
    for (const std::string& network : terms.networks) {
        if (!Network::parse(network))
            return invalid("\"" + network +
                           "\" is no network: write 10.0.0.0/8, with zeros behind the mask");
    }
    if (terms.expires_at && terms.expires_at->ms <= 0) return invalid("an expiry before 1970");
    return terms;
}

std::string join(const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
    return text;
}

KeyTermsRow to_row(KeyId key, const KeyTerms& terms) {
    return {key.n,
            terms.name,
            join(terms.labels),
            terms.expires_at ? terms.expires_at->ms : 0,
            join(terms.routes),
            join(terms.endpoints),
            join(terms.networks)};
}

std::optional<KeyTerms> to_terms(const KeyTermsRow& row) {
    KeyTerms terms{row.name,          split(row.labels),    {},
                   split(row.routes), split(row.endpoints), split(row.networks)};
    if (row.expires_at != 0) terms.expires_at = UnixMillis{row.expires_at};
    auto sound = checked(terms);
    if (!sound || *sound != terms) return std::nullopt;
    return std::move(*sound);
}

KeyScope::KeyScope(const KeyTerms& terms)
    : labels_(terms.labels),
      routes_(terms.routes),
      endpoints_(terms.endpoints),
      is_strict_thinking_(std::ranges::find(terms.labels, kStrictThinking) != terms.labels.end()) {
    for (const std::string& text : terms.networks) {
        if (const auto network = Network::parse(text)) networks_.push_back(*network);
    }
}

bool KeyScope::allows_address(const std::string& address) const {
    return networks_.empty() || std::ranges::any_of(networks_, [&](const Network& network) {
               return network.contains(address);
           });
}

}  // namespace billing
