// Charges of the program, for a model to be held against: reads lines, answers one for each.
//   price YAML                      -> ok | refused REASON
//   MS TIER UNCACHED READ WRITE ANSWER REASONING
//                                   -> COST FIVE-PARTS BOUND | unpriced
#include <iostream>
#include <sstream>

#include "billing/applied_price.h"
#include "billing/cost.h"
#include "config/loader.h"

namespace {

constexpr const char* kAround =
    "version: 1\n"
    "upstreams: {u: {kind: openai_compatible, base_url: \"http://localhost:1\"}}\n"
    "endpoints: {e: {upstream: u, model: m, n_ctx: 100, output_tokens_max: 50, price: p}}\n"
    "routes: {r: {plan: [e]}}\n"
    "prices:\n  p: ";

std::string answer(const config::Price& price, const std::string& line) {
    std::istringstream words(line);
    config::UnixMillis at;
    std::string tier;
    billing::TokenCounts tokens;
    words >> at.ms >> tier >> tokens.input_uncached >> tokens.cache_read >> tokens.cache_write >>
        tokens.output_answer >> tokens.output_reasoning;
    if (!words) return "not understood: " + line;
    const auto applied = billing::apply_price(price, at, config::parse_service_tier(tier).value());
    if (!applied) return "unpriced";
    const config::Tariff& tariff = applied->tariff;
    const billing::CostParts parts = billing::cost_parts(tokens, tariff);
    std::ostringstream out;
    out << billing::cost(tokens, tariff).n;
    for (const billing::NanoUsd part : {parts.input_uncached, parts.cache_read, parts.cache_write,
                                        parts.output_answer, parts.output_reasoning}) {
        out << ' ' << part.n;
    }
    out << ' '
        << billing::cost_bound(tokens.input_uncached + tokens.cache_read + tokens.cache_write,
                               tokens.output_answer + tokens.output_reasoning, tariff)
               .n;
    return out.str();
}

}  // namespace

int main() {
    std::ios::sync_with_stdio(false);
    config::Price price;
    for (std::string line; std::getline(std::cin, line);) {
        if (!line.starts_with("price ")) {
            std::cout << answer(price, line) << '\n';
            continue;
        }
        auto config = config::parse(kAround + line.substr(6) + "\n", "weir.yaml", {});
        if (config) price = std::move(config->prices.at(0));
        std::cout << (config ? "ok" : "refused " + to_string(config.error().at(0))) << '\n';
    }
}
