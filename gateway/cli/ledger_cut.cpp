// weir ledger cut: what is older than it must be kept goes to an archive.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "billing/report.h"
#include "billing/retention.h"
#include "config/local_time.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

namespace {

struct CutWords {
    std::string before, time_zone = "UTC", archive;
    bool json = false;
};

int cut(const Invocation& invocation, const CutWords& words) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    const auto complain = [](const billing::Error& error, int code) {
        std::fprintf(stderr, "weir: %s\n", error.detail.c_str());
        return code;
    };
    const auto before = billing::parse_report_time(words.before, words.time_zone);
    if (!before) return complain(before.error(), kExitUsage);
    const auto done = billing::cut_ledger(config->ledger.path, {*before, words.archive});
    if (!done) return complain(done.error(), kExitNo);
    const std::string at = config::to_rfc3339(done->at);
    if (words.json) {
        const nlohmann::ordered_json answer{{"entries", done->n_entries},
                                            {"attempts", done->n_attempts},
                                            {"last_entry", done->last_entry},
                                            {"at", at},
                                            {"head", done->head},
                                            {"kept", done->n_kept},
                                            {"archive", words.archive},
                                            {"bytes_before", done->n_bytes_before},
                                            {"bytes_after", done->n_bytes_after}};
        std::printf("%s\n", answer.dump().c_str());
    } else {
        std::printf(
            "cut away: %lld entries up to %s, %lld attempts; kept: %lld entries\n"
            "%s, %s.pepper, %s.anchors have all of them: keep the three together\n"
            "%lld bytes before, %lld after; check it with: weir ledger verify\n",
            static_cast<long long>(done->n_entries), at.c_str(),
            static_cast<long long>(done->n_attempts), static_cast<long long>(done->n_kept),
            words.archive.c_str(), words.archive.c_str(), words.archive.c_str(),
            static_cast<long long>(done->n_bytes_before),
            static_cast<long long>(done->n_bytes_after));
    }
    return kExitOk;
}

}  // namespace

void add_ledger_cut(CLI::App& ledger, Invocation& invocation) {
    CLI::App* command = ledger.add_subcommand(
        "cut",
        "Move entries older than a time to an archive; reports of whole quarter hours stay. No "
        "server may run");
    const auto words = std::make_shared<CutWords>();
    command
        ->add_option("--before", words->before,
                     "RFC 3339, or a date: entries from then on stay, and a few before")
        ->required();
    command->add_option("--tz", words->time_zone, "Of a date; UTC");
    command
        ->add_option("--archive", words->archive,
                     "Where a copy of the whole ledger goes first; must not be there yet")
        ->required();
    command->add_flag("--json", words->json);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return cut(invocation, *words); };
    });
}

}  // namespace gateway
