#include <fmt/format.h>

#include <algorithm>

#include "config/linker.h"
#include "config/price_linker.h"

namespace config {

namespace {

// Two versions of one price never hold at once.
void check_apart(const Node& versions, const std::string& path, const Price& price,
                 Refusals& refusals) {
    for (size_t i = 1; i < price.versions.size(); ++i) {
        const PriceVersion& before = price.versions[i - 1];
        const PriceVersion& version = price.versions[i];
        const auto refuse = [&](const std::string& name, std::string_view key, std::string why) {
            const Member* written = find(find(versions, name)->value, key);
            refusals.add(written->value.at, fmt::format("{}.versions.{}.{}", path, name, key),
                         std::move(why));
        };
        if (before.effective_from == version.effective_from) {
            refuse(version.name, "effective_from",
                   fmt::format("is when {} begins too; change one of them", before.name));
        } else if (before.effective_until && *before.effective_until > version.effective_from) {
            refuse(before.name, "effective_until",
                   fmt::format("overlaps {}, which begins at {}; end it there, or leave this out",
                               version.name, to_rfc3339(version.effective_from)));
        }
    }
}

void link_versions(const Node& node, const Node& versions, const std::string& path, Price& price,
                   Refusals& refusals) {
    for (const Member& member : node.members) {
        if (member.key == "versions" || member.is_default) continue;
        refusals.add(member.at, path + "." + member.key,
                     "does not go with versions; move it into one of them");
    }
    for (const Member& member : versions.members) {
        auto version =
            link_version({member.value, member.at, path + ".versions." + member.key}, refusals);
        if (!version) return;
        version->name = member.key;
        price.versions.push_back(std::move(*version));
    }
    std::stable_sort(price.versions.begin(), price.versions.end(),
                     [](const PriceVersion& a, const PriceVersion& b) {
                         return a.effective_from < b.effective_from;
                     });
    check_apart(versions, path, price, refusals);
}

}  // namespace

void link_prices(const Node& root, Config& config, Refusals& refusals) {
    const auto& nodes = members(root, "prices");
    for (size_t i = 0; i < config.prices.size(); ++i) {
        const Node& node = nodes[i].value;
        if (node.kind != Node::Kind::map) continue;  // refused by the reader
        Price& price = config.prices[i];
        const std::string path = "prices." + nodes[i].key;
        if (const Member* versions = find(node, "versions")) {
            if (versions->value.kind == Node::Kind::map)
                link_versions(node, versions->value, path, price, refusals);
        } else if (auto version = link_version({node, nodes[i].at, path}, refusals)) {
            price.versions.push_back(std::move(*version));
        }
    }
}

}  // namespace config
