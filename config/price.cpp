#include "config/price.h"

#include <algorithm>

#include "config/ensure.h"

namespace config {

namespace {

constexpr std::array<std::string_view, kServiceTierCount> kServiceTierWords = {
    "standard", "flex", "priority", "scale", "batch"};

}  // namespace

std::string_view to_string(ServiceTier tier) {
    const auto index = static_cast<size_t>(tier);
    ENSURE(index < kServiceTierCount);
    return kServiceTierWords[index];
}

std::optional<ServiceTier> parse_service_tier(std::string_view word) {
    const auto at = std::find(kServiceTierWords.begin(), kServiceTierWords.end(), word);
    if (at == kServiceTierWords.end()) return {};
    return static_cast<ServiceTier>(at - kServiceTierWords.begin());
}

bool PriceWindow::covers(const LocalTime& time) const {
    if (!days[static_cast<size_t>(time.weekday())]) return false;
    if (std::binary_search(excluded.begin(), excluded.end(), time.day)) return false;
    return std::any_of(hours.begin(), hours.end(), [&](const Span& span) {
        return span.begin <= time.minute && time.minute < span.end;
    });
}

const PriceWindow* PriceVersion::window_at(UnixMillis at) const {
    if (windows.empty()) return nullptr;
    const LocalTime time = time_zone.at(at);
    for (const PriceWindow& window : windows) {
        if (window.covers(time)) return &window;
    }
    return nullptr;
}

const PriceVersion* Price::version_at(UnixMillis at) const {
    const PriceVersion* found = nullptr;
    for (const PriceVersion& version : versions) {
        if (version.effective_from <= at) found = &version;
    }
    if (found && found->effective_until && *found->effective_until <= at) return nullptr;
    return found;
}

}  // namespace config
