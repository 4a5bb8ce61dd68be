// Any bytes as weir.yaml: either a Config whose indices hold, or refusals that name a place and no
// secret.
#include <cstdint>

#include "config/ensure.h"
#include "config/loader.h"

namespace {

constexpr std::string_view kSecret = "s3cret-canary";

config::Environment environment() {
    const auto answer = [](const std::string& name) -> std::optional<std::string> {
        if (name.starts_with('U')) return {};
        return std::string(kSecret);
    };
    return {answer, answer};
}

void check(const config::Config& config) {
    for (const config::Endpoint& endpoint : config.endpoints) {
        ENSURE(endpoint.upstream.has_value() != endpoint.engine.has_value());
        ENSURE(!endpoint.upstream || *endpoint.upstream < config.upstreams.size());
        ENSURE(!endpoint.engine || *endpoint.engine < config.engines.size());
        ENSURE(endpoint.price < config.prices.size());
        ENSURE(endpoint.output_tokens_default >= 1);
        ENSURE(endpoint.output_tokens_default <= endpoint.output_tokens_max);
        ENSURE(endpoint.output_tokens_max <= endpoint.n_ctx);
    }
    for (const config::Price& price : config.prices) {
        ENSURE(!price.versions.empty());
        for (const config::PriceVersion& version : price.versions) {
            ENSURE(version.tariffs.size() == version.windows.size() + 1);
            for (const auto& tiers : version.tariffs) ENSURE(tiers[0].has_value());
            ENSURE(version.text != nullptr && !version.currency.empty());
            (void)version.window_at(version.effective_from);
        }
    }
    for (const config::Route& route : config.routes) {
        ENSURE(!route.plan.empty());
        for (const size_t endpoint : route.plan) ENSURE(endpoint < config.endpoints.size());
    }
    for (const auto& [model, route] : config.route_by_model) ENSURE(route < config.routes.size());
    ENSURE(!config.routes.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = config::parse(text, "weir.yaml", environment());
    if (config) {
        check(*config);
        return 0;
    }
    ENSURE(!config.error().empty());
    for (const config::Refusal& refusal : config.error()) {
        ENSURE(refusal.line >= 0 && refusal.column >= 0 && !refusal.message.empty());
        ENSURE(text.find(kSecret) != text.npos ||
               to_string(refusal).find(kSecret) == std::string::npos);
    }
    return 0;
}
