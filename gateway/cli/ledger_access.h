#pragma once
// How commands change the ledger: through the process that owns it when one runs, else on the file
// itself.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "gateway/cli/command.h"

namespace gateway {

// Runs one ledger command (control/ledger_command.h) on the config's ledger. Nothing if it failed:
// the reason has been printed.
std::optional<nlohmann::json> ledger_command(const Invocation& invocation,
                                             const nlohmann::json& request);

// The same of one that has nothing to print but `done`; returns the exit code.
int ledger_change(const Invocation& invocation, const nlohmann::json& request,
                  const std::string& done);

// `command`, if it is what was asked, does `run`.
void on(CLI::App* command, Invocation& invocation, std::function<int()> run);

}  // namespace gateway
