// weir ledger backup FILE: a copy of the ledger as it stands, whether or not a server runs.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "billing/backup.h"
#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

namespace {

int backup(const Invocation& invocation, const std::string& file, bool as_json) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return kExitNo;
    const auto made = billing::back_up(config->ledger.path, file);
    if (!made) {
        std::fprintf(stderr, "weir: %s\n", made.error().detail.c_str());
        return kExitNo;
    }
    if (as_json) {
        const nlohmann::ordered_json answer{{"file", file},
                                            {"entries", made->n_entries},
                                            {"head", made->head},
                                            {"anchors", made->n_anchors}};
        std::printf("%s\n", answer.dump().c_str());
    } else {
        std::printf(
            "%s, %s.pepper, %s.anchors: %lld entries, head %s\n"
            "check it with: weir ledger verify --ledger %s\n"
            "to restore, stop the server and put the three files where the config's ledger is\n",
            file.c_str(), file.c_str(), file.c_str(), static_cast<long long>(made->n_entries),
            made->head.c_str(), file.c_str());
    }
    return kExitOk;
}

}  // namespace

void add_ledger_backup(CLI::App& ledger, Invocation& invocation) {
    struct BackupWords {
        std::string file;
        bool json = false;
    };
    CLI::App* command = ledger.add_subcommand(
        "backup", "Copy the ledger, its pepper and its anchors, of one instant; a server may run");
    const auto words = std::make_shared<BackupWords>();
    command->add_option("FILE", words->file, "Where to; it must not be there yet")->required();
    command->add_flag("--json", words->json);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] {
            return backup(invocation, words->file, words->json);
        };
    });
}

}  // namespace gateway
