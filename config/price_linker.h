#pragma once
// One version of a price, from the tree that the reader has checked.
#include "config/price.h"
#include "config/refusals.h"
#include "config/yaml_tree.h"

namespace config {

struct VersionPlace {
    const Node& node;  // the keys of the version
    Mark at;           // blamed for what is missing
    std::string path;
};

// Without its name. Nothing after a refusal, here or by the reader.
std::optional<PriceVersion> link_version(const VersionPlace& place, Refusals& refusals);

// Its windows: hours and days, no figures. False after a refusal.
bool link_windows(const Node& version, const std::string& path, std::vector<PriceWindow>& windows,
                  Refusals& refusals);

// Hours, days and excluded dates of one window. Only if the reader refused nothing of them.
PriceWindow link_window(const Member& member, const std::string& path, Refusals& refusals);

}  // namespace config
