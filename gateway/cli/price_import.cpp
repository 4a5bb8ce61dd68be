// weir price import FILE: a table of vendors' prices as YAML to paste, and what it would change.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "config/price_import.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

namespace {

using config::ImportedPrice;
using config::Price;
using config::PriceVersion;
using config::Rates;

// The prices that the printed lines come to, read as a config would be; nothing after refusals.
std::optional<std::vector<Price>> read_back(const std::vector<ImportedPrice>& imported) {
    std::string endpoints, plan, prices;
    for (const ImportedPrice& price : imported) {
        if (price.yaml.empty()) continue;
        endpoints +=
            "  " + price.name +
            ": {upstream: u, model: m, n_ctx: 16, output_tokens_max: 16, price: " + price.name +
            "}\n";
        plan += (plan.empty() ? "" : ", ") + price.name;
        prices += price.yaml;
    }
    if (prices.empty()) return std::vector<Price>();
    auto config = config::parse(
        "version: 1\nupstreams:\n  u: {kind: openai_compatible, base_url: \"http://localhost:1\"}\n"
        "endpoints:\n" +
            endpoints + "routes:\n  r: {plan: [" + plan + "]}\nprices:\n" + prices,
        "the imported prices", {});
    if (config) return std::move(config->prices);
    for (const config::Refusal& refusal : config.error())
        std::fprintf(stderr, "%s\n", to_string(refusal).c_str());
    return {};
}

// The price of that name, else that of an endpoint with that model.
const Price* find_price(const config::Config& config, const ImportedPrice& imported) {
    for (const Price& price : config.prices) {
        if (price.name == imported.name) return &price;
    }
    for (const config::Endpoint& endpoint : config.endpoints) {
        if (endpoint.upstream && endpoint.model == imported.model)
            return &config.prices[endpoint.price];
    }
    return nullptr;
}

void tell_rates(const std::string& where, const Rates& now, const Rates& next) {
    const struct {
        const char* name;
        int64_t Rates::*rate;
    } classes[] = {{"input", &Rates::input},
                   {"cache_read", &Rates::cache_read},
                   {"cache_write", &Rates::cache_write},
                   {"output", &Rates::output},
                   {"reasoning", &Rates::reasoning}};
    for (const auto& each : classes) {
        if (now.*each.rate == next.*each.rate) continue;
        std::printf("#   %s%s: %s -> %s\n", where.c_str(), each.name,
                    config::to_usd_per_million({now.*each.rate}).c_str(),
                    config::to_usd_per_million({next.*each.rate}).c_str());
    }
}

// The last version of each: it is what will hold.
void tell_changes(const Price& now, const Price& next) {
    const PriceVersion& from = now.versions.back();
    const PriceVersion& to = next.versions.back();
    if (from.currency != to.currency)
        std::printf("#   currency: %s -> %s\n", from.currency.c_str(), to.currency.c_str());
    if (from.windows.size() != to.windows.size())
        std::printf("#   windows: %zu -> %zu\n", from.windows.size(), to.windows.size());
    for (size_t row = 0; row < std::min(from.tariffs.size(), to.tariffs.size()); ++row) {
        const std::string window = row == 0 ? "" : "window " + to.windows[row - 1].name + ", ";
        for (size_t i = 0; i < config::kServiceTierCount; ++i) {
            const auto& a = from.tariffs[row][i];
            const auto& b = to.tariffs[row][i];
            const std::string tier =
                i == 0 ? "" : "tier " + std::string(to_string(config::ServiceTier(i))) + ", ";
            if (a.has_value() != b.has_value()) {
                std::printf("#   %s%s%s\n", window.c_str(), tier.c_str(), b ? "new" : "gone");
                continue;
            }
            if (!a) continue;
            tell_rates(window + tier, a->rates, b->rates);
            if (a->long_context.n_tokens != b->long_context.n_tokens) {
                std::printf("#   %s%slong_context: above %lld -> %lld tokens (0: no such rule)\n",
                            window.c_str(), tier.c_str(),
                            static_cast<long long>(a->long_context.n_tokens),
                            static_cast<long long>(b->long_context.n_tokens));
            }
            tell_rates(window + tier + "long, ", a->long_context.rates, b->long_context.rates);
            if (a->markup_ppm != b->markup_ppm) {
                std::printf("#   %s%smarkup_ppm: %lld, which the table does not know\n",
                            window.c_str(), tier.c_str(), static_cast<long long>(a->markup_ppm));
            }
        }
    }
}

void tell(const config::Config& config, const ImportedPrice& imported, const Price* next) {
    for (const std::string& why : imported.left_out)
        std::printf("# %s: left out: %s\n", imported.model.c_str(), why.c_str());
    if (next == nullptr) return;
    const Price* now = find_price(config, imported);
    if (now == nullptr || now->versions.empty()) {
        std::printf("# %s: not in the config\n", imported.model.c_str());
        return;
    }
    std::printf("# %s: prices.%s, its last version against the table's:\n", imported.model.c_str(),
                now->name.c_str());
    tell_changes(*now, *next);
}

int run_import(const Invocation& invocation, const std::string& file) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    constexpr size_t kBytesMax = 1 << 20;
    std::ifstream in(file, std::ios::binary);
    std::string text(kBytesMax + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in && !in.eof()) {
        std::fprintf(stderr, "weir: %s cannot be read\n", file.c_str());
        return kExitNo;
    }
    text.resize(static_cast<size_t>(in.gcount()));
    const auto imported = config::import_prices(text, file);
    if (!imported) {
        for (const config::Refusal& refusal : imported.error())
            std::fprintf(stderr, "%s\n", to_string(refusal).c_str());
        return kExitNo;
    }
    const auto prices = read_back(*imported);
    if (!prices) return kExitNo;
    std::printf("# From %s, to be compared and pasted by a person. Changes against %s:\n",
                file.c_str(), invocation.config_file.c_str());
    size_t n_taken = 0;
    for (const ImportedPrice& price : *imported)
        tell(*config, price, price.yaml.empty() ? nullptr : &(*prices)[n_taken++]);
    std::printf("prices:\n");
    for (const ImportedPrice& price : *imported) std::printf("%s", price.yaml.c_str());
    return kExitOk;
}

}  // namespace

void add_price_import(CLI::App& price, Invocation& invocation) {
    CLI::App* command = price.add_subcommand(
        "import", "Print a table of vendors' prices as YAML to paste, and what it would change");
    const auto file = std::make_shared<std::string>();
    command->add_option("FILE", *file, "A list `models`, each with id and rows of prices")
        ->required();
    command->callback([&invocation, file] {
        invocation.run = [&invocation, file] { return run_import(invocation, *file); };
    });
}

}  // namespace gateway
