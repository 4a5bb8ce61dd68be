// weir ledger show REQUEST: what the ledger has about one request.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "billing/request_names.h"
#include "billing/request_view.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

namespace {

using billing::RequestView;
using nlohmann::ordered_json;

ordered_json tokens_json(const billing::TokenCounts& tokens) {
    return {{"input_uncached", tokens.input_uncached},
            {"cache_read", tokens.cache_read},
            {"cache_write", tokens.cache_write},
            {"output_answer", tokens.output_answer},
            {"output_reasoning", tokens.output_reasoning}};
}

ordered_json price_json(const billing::AppliedPrice& price) {
    const config::Tariff& tariff = price.tariff;
    ordered_json out{{"name", price.name},
                     {"version", price.version},
                     {"effective_from", config::to_rfc3339(price.effective_from)},
                     {"window", price.window},
                     {"tier", to_string(price.tier)},
                     {"currency", price.currency},
                     {"usd_per_unit", config::to_string(config::NanoUsd{tariff.usd_per_unit})},
                     {"markup_ppm", tariff.markup_ppm}};
    return out;
}

ordered_json ending_json(const RequestView::Ending& ending) {
    ordered_json out{{"entry", ending.entry},
                     {"at", config::to_rfc3339(ending.at)},
                     {"kind", ending.is_settled ? "settled" : "released"},
                     {"outcome", billing::to_string(ending.outcome)},
                     {"flags", billing::flags_text(ending.flags)},
                     {"charged_usd", config::to_string(ending.charged)}};
    if (!ending.is_settled) return out;
    out["endpoint"] = ending.endpoint;
    out["model"] = ending.model;
    out["counted_by"] = billing::to_string(ending.source);
    out["price"] = price_json(ending.price);
    out["long_context"] = ending.is_long;
    ordered_json parts = ordered_json::object();
    for (const RequestView::Part& part : ending.parts) {
        parts[part.name] = {{"tokens", part.n_tokens},
                            {"per_million", config::to_usd_per_million({part.rate})},
                            {"usd", config::to_string(part.cost)}};
    }
    out["tokens"] = std::move(parts);
    out["upstream_tokens"] = nullptr;
    if (ending.upstream_tokens) out["upstream_tokens"] = tokens_json(*ending.upstream_tokens);
    return out;
}

ordered_json attempt_json(const RequestView::AttemptView& attempt) {
    ordered_json out{{"endpoint", attempt.endpoint},
                     {"model", attempt.model},
                     {"started", config::to_rfc3339(attempt.started)},
                     {"ended", config::to_rfc3339(attempt.ended)},
                     {"outcome", billing::to_string(attempt.outcome)},
                     {"tokens", tokens_json(attempt.tokens)},
                     {"upstream_tokens", nullptr},
                     {"cost_by", billing::to_string(attempt.source)},
                     {"price", attempt.price},
                     {"operator_usd", config::to_string(attempt.cost)},
                     {"upstream_request", nullptr}};
    if (attempt.upstream_tokens) out["upstream_tokens"] = tokens_json(*attempt.upstream_tokens);
    if (!attempt.upstream_request.empty()) out["upstream_request"] = attempt.upstream_request;
    return out;
}

ordered_json view_json(const RequestView& view, const std::string& name) {
    ordered_json out{{"request", name},
                     {"number", view.request.n},
                     {"account", view.account_name},
                     {"key", view.key.n},
                     {"key_label", view.key_label},
                     {"labels", view.labels},
                     {"route", view.route},
                     {"entry", view.entry},
                     {"reserved_at", config::to_rfc3339(view.at)},
                     {"held_usd", config::to_string(view.held)},
                     {"end", nullptr}};
    if (view.ending) out["end"] = ending_json(*view.ending);
    out["attempts"] = ordered_json::array();
    for (const RequestView::AttemptView& attempt : view.attempts)
        out["attempts"].push_back(attempt_json(attempt));
    out["refunds"] = ordered_json::array();
    for (const RequestView::RefundView& refund : view.refunds) {
        out["refunds"].push_back({{"entry", refund.entry},
                                  {"at", config::to_rfc3339(refund.at)},
                                  {"usd", config::to_string(refund.amount)},
                                  {"ref", refund.ref},
                                  {"reason", refund.reason}});
    }
    return out;
}

void line(const char* name, const std::string& text) {
    std::printf("%-10s %s\n", name, text.c_str());
}

std::string at_entry(config::UnixMillis at, int64_t entry) {
    return config::to_rfc3339(at) + ", entry " + std::to_string(entry);
}

void print_price(const billing::AppliedPrice& price) {
    const config::Tariff& tariff = price.tariff;
    std::string text = price.name;
    if (!price.version.empty()) text += ", version " + price.version;
    text += ", from " + config::to_rfc3339(price.effective_from);
    if (!price.window.empty()) text += ", window " + price.window;
    text += ", tier " + std::string(to_string(price.tier));
    line("price", text);
    if (price.currency != "USD") {
        line("currency", "1 " + price.currency + " is " +
                             config::to_string(config::NanoUsd{tariff.usd_per_unit}) + " USD");
    }
    if (tariff.markup_ppm != 0) line("mark-up", std::to_string(tariff.markup_ppm) + " ppm");
}

void print_settled(const RequestView::Ending& ending) {
    line("answered", "by " + ending.endpoint + ", model " + ending.model + ", counted by " +
                         std::string(billing::to_string(ending.source)));
    print_price(ending.price);
    const config::LongContext& rule = ending.price.tariff.long_context;
    if (ending.is_long) {
        const bool is_whole = rule.applies_to == config::LongContext::Reach::whole_request;
        line("long", (is_whole ? "all of it: beyond " : "the prompt beyond ") +
                         std::to_string(rule.n_tokens) + " tokens");
    }
    std::printf("  %-17s %12s %16s %24s\n", "", "tokens",
                (ending.price.currency + " per million").c_str(), "USD");
    for (const RequestView::Part& part : ending.parts) {
        std::printf("  %-17s %12lld %16s %24s\n", part.name, static_cast<long long>(part.n_tokens),
                    config::to_usd_per_million({part.rate}).c_str(),
                    config::to_string(part.cost).c_str());
    }
    if (const auto& theirs = ending.upstream_tokens) {
        const int64_t n_input = theirs->input_uncached + theirs->cache_read + theirs->cache_write;
        const int64_t n_output = theirs->output_answer + theirs->output_reasoning;
        line("upstream", "counted " + std::to_string(n_input) + " in, " +
                             std::to_string(theirs->cache_read) + " of them read from its cache, " +
                             std::to_string(n_output) + " out, " +
                             std::to_string(theirs->output_reasoning) + " of them reasoning");
    }
}

std::string in_and_out(const billing::TokenCounts& tokens) {
    return std::to_string(tokens.input_uncached + tokens.cache_read + tokens.cache_write) +
           " in, " + std::to_string(tokens.output_answer + tokens.output_reasoning) + " out";
}

void print_attempt(const RequestView::AttemptView& attempt) {
    std::string text = attempt.endpoint + ", model " + attempt.model + ": " +
                       std::string(to_string(attempt.outcome)) + ", " +
                       config::to_rfc3339(attempt.started) + " to " +
                       config::to_rfc3339(attempt.ended);
    if (!attempt.upstream_request.empty()) text += ", there " + attempt.upstream_request;
    line("attempt", text);
    text = "counted " + in_and_out(attempt.tokens);
    if (attempt.upstream_tokens)
        text += "; the upstream said " + in_and_out(*attempt.upstream_tokens);
    line("", text + "; cost the operator " + config::to_string(attempt.cost) + " USD at " +
                 attempt.price);
}

void print(const RequestView& view, const std::string& name) {
    line("request", name + " (" + std::to_string(view.request.n) + ")");
    line("account", view.account_name + ", key " + std::to_string(view.key.n) + " " +
                        view.key_prefix + "..." + view.key_last4 +
                        (view.key_label.empty() ? "" : " " + view.key_label));
    if (!view.labels.empty()) line("labels", view.labels);
    line("route", view.route);
    line("reserved", at_entry(view.at, view.entry) + ": " + config::to_string(view.held) + " USD");
    if (!view.ending) {
        line("ended", "no: the hold is open");
        return;
    }
    const RequestView::Ending& ending = *view.ending;
    line(ending.is_settled ? "settled" : "released",
         at_entry(ending.at, ending.entry) + ": " + std::string(to_string(ending.outcome)));
    for (const RequestView::AttemptView& attempt : view.attempts) print_attempt(attempt);
    if (ending.is_settled) print_settled(ending);
    if (ending.flags != 0) line("flags", billing::flags_text(ending.flags));
    line("charged", config::to_string(ending.charged) + " USD");
    for (const RequestView::RefundView& refund : view.refunds) {
        line("refunded", at_entry(refund.at, refund.entry) + ": " +
                             config::to_string(refund.amount) + " USD, " + refund.ref + ": " +
                             refund.reason);
    }
}

int show(const Invocation& invocation, const std::string& text, bool as_json) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    const auto complain = [](const std::string& why) {
        std::fprintf(stderr, "weir: %s\n", why.c_str());
        return kExitNo;
    };
    const auto names = billing::open_request_names(config->ledger.path);
    if (!names) return complain(names.error().detail);
    const auto request = (*names)->find(text);
    const std::string unknown = "no request " + text + " in this ledger";
    if (!request) return complain(unknown);
    const auto view = billing::find_request(config->ledger.path, *request);
    if (!view) {
        const bool is_unknown = view.error().code == billing::Errc::request_unknown;
        const std::string& detail = view.error().detail;
        return complain(!is_unknown ? detail : detail.empty() ? unknown : unknown + ": " + detail);
    }
    const std::string name = (*names)->name(*request);
    if (as_json) {
        std::printf("%s\n", view_json(*view, name).dump(2).c_str());
    } else {
        print(*view, name);
    }
    return kExitOk;
}

}  // namespace

void add_ledger_show(CLI::App& ledger, Invocation& invocation) {
    struct LedgerShowWords {
        std::string request;
        bool json = false;
    };
    CLI::App* command = ledger.add_subcommand("show", "One request: who, tokens, prices and money");
    const auto words = std::make_shared<LedgerShowWords>();
    command->add_option("REQUEST", words->request, "req_..., or its number")->required();
    command->add_flag("--json", words->json);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] {
            return show(invocation, words->request, words->json);
        };
    });
}

}  // namespace gateway
