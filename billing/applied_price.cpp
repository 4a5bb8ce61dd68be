#include "billing/applied_price.h"

#include <tuple>

namespace billing {
namespace {

std::string_view text_of(const AppliedPrice& price) {
    return price.text ? std::string_view(*price.text) : std::string_view();
}

tl::unexpected<Error> unpriced(std::string why) {
    return tl::unexpected(Error{Errc::unpriced, std::move(why)});
}

}  // namespace

std::strong_ordering operator<=>(const AppliedPrice& a, const AppliedPrice& b) {
    const auto numbers = [](const AppliedPrice& price) {
        return std::tie(price.name, price.version, price.window, price.tier, price.effective_from,
                        price.currency, price.tariff);
    };
    const auto order = numbers(a) <=> numbers(b);
    return order != 0 ? order : text_of(a) <=> text_of(b);
}

Result<AppliedPrice> apply_price(const config::Price& price, UnixMillis at,
                                 config::ServiceTier tier) {
    const config::PriceVersion* version = price.version_at(at);
    if (version == nullptr)
        return unpriced("prices." + price.name + ": no version holds at " + config::to_rfc3339(at));
    const config::PriceWindow* window = version->window_at(at);
    const size_t row =
        window == nullptr ? 0 : static_cast<size_t>(window - version->windows.data()) + 1;
    const auto& tariff = version->tariffs[row][static_cast<size_t>(tier)];
    if (!tariff) {
        return unpriced("prices." + price.name + ": tier " + std::string(to_string(tier)) +
                        " has no price");
    }
    AppliedPrice applied;
    applied.name = price.name;
    applied.version = version->name;
    if (window != nullptr) applied.window = window->name;
    applied.tier = tier;
    applied.effective_from = version->effective_from;
    applied.currency = version->currency;
    applied.tariff = *tariff;
    applied.text = version->text;
    return applied;
}

}  // namespace billing
