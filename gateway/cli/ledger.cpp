// weir ledger verify: recomputes everything that the ledger says.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "billing/report.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

namespace {

struct LedgerWords {
    std::string file;
    bool json = false;
};

int verify(const Invocation& invocation, const LedgerWords& words) {
    std::filesystem::path file = words.file;
    if (file.empty()) {
        const auto config = load_or_complain(invocation.config_file);
        if (!config) return kExitNo;
        file = config->ledger.path;
    }
    const auto verified = billing::verify(file);
    if (!verified) {
        std::fprintf(stderr, "weir: %s\n", verified.error().detail.c_str());
        return kExitNo;
    }
    const bool good = verified->first_bad.empty();
    nlohmann::ordered_json anchors;  // null: no file
    if (verified->has_anchors) anchors = verified->n_anchors;
    if (words.json) {
        const nlohmann::ordered_json answer{{"ok", good},
                                            {"entries", verified->n_entries},
                                            {"open_holds", verified->n_open_holds},
                                            {"head", verified->head},
                                            {"anchors", anchors},
                                            {"rollups", verified->n_rollups},
                                            {"cut", verified->n_cut},
                                            {"archive", verified->archive},
                                            {"first_bad", verified->first_bad},
                                            {"bad_entry", verified->bad_entry},
                                            {"bad_request", verified->bad_request.n}};
        std::printf("%s\n", answer.dump().c_str());
    } else if (good) {
        std::string said = verified->has_anchors
                               ? "anchors that agree: " + std::to_string(verified->n_anchors)
                               : "no file of anchors: entries cut off at the end would not show";
        if (verified->n_cut > 0) {
            said += "; " + std::to_string(verified->n_cut) + " entries before were cut away, to " +
                    verified->archive;
        }
        std::printf("ok: %lld entries, %lld open holds, %lld roll-ups, head %s; %s\n",
                    static_cast<long long>(verified->n_entries),
                    static_cast<long long>(verified->n_open_holds),
                    static_cast<long long>(verified->n_rollups), verified->head.c_str(),
                    said.c_str());
    } else {
        std::printf("BROKEN: %s\n", verified->first_bad.c_str());
    }
    return good ? kExitOk : kExitNo;
}

}  // namespace

void add_ledger(CLI::App& app, Invocation& invocation) {
    CLI::App* ledger = app.add_subcommand(
        "ledger",
        "Check the ledger, show and refund what a request cost, check bills, copy and shorten it");
    ledger->require_subcommand(1);
    CLI::App* check = ledger->add_subcommand(
        "verify",
        "Recompute every entry, the hash chain and all balances; hold them to the anchors");
    const auto words = std::make_shared<LedgerWords>();
    check->add_option("--ledger", words->file, "This file instead of the config's, as a backup");
    check->add_flag("--json", words->json);
    check->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return verify(invocation, *words); };
    });
    add_ledger_show(*ledger, invocation);
    add_ledger_refund(*ledger, invocation);
    add_ledger_reconcile(*ledger, invocation);
    add_ledger_backup(*ledger, invocation);
    add_ledger_cut(*ledger, invocation);
}

}  // namespace gateway
