#include "gateway/cli/ledger_access.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "gateway/cli/config_file.h"
#include "gateway/control/control_server.h"
#include "gateway/control/control_socket.h"
#include "gateway/control/ledger_command.h"

namespace gateway {

namespace {

// The owner's answer, or that of the ledger opened here. An owner that starts or stops between the
// two looks is met by looking again.
tl::expected<std::string, std::string> answer_of(const std::string& ledger,
                                                 const std::string& request) {
    for (int look = 0; look < 3; ++look) {
        if (auto answer = ask_owner(control_socket_of(ledger), request)) return *answer;
        auto billing = billing::Billing::open({ledger, 1'024, {}});
        if (billing) return run_ledger_command(**billing, request);
        if (billing.error().code != billing::Errc::owned_by_other)
            return tl::unexpected(billing.error().detail);
    }
    return tl::unexpected("another process holds " + ledger + " but does not answer on " +
                          control_socket_of(ledger).string());
}

}  // namespace

std::optional<nlohmann::json> ledger_command(const Invocation& invocation,
                                             const nlohmann::json& request) {
    const auto config = load_or_complain(invocation.config_file);
    if (!config) return {};
    std::string text;
    try {
        text = request.dump();
    } catch (const nlohmann::json::type_error&) {
        std::fprintf(stderr, "weir: what was typed is not UTF-8\n");
        return {};
    }
    const auto answer = answer_of(config->ledger.path, text);
    if (!answer) {
        std::fprintf(stderr, "weir: %s\n", answer.error().c_str());
        return {};
    }
    auto parsed = nlohmann::json::parse(*answer);
    if (parsed.value("ok", false)) return parsed;
    std::fprintf(stderr, "weir: %s\n", parsed.value("error", "unknown failure").c_str());
    return {};
}

int ledger_change(const Invocation& invocation, const nlohmann::json& request,
                  const std::string& done) {
    if (!ledger_command(invocation, request)) return kExitNo;
    std::printf("%s\n", done.c_str());
    return kExitOk;
}

void on(CLI::App* command, Invocation& invocation, std::function<int()> run) {
    command->callback([&invocation, run = std::move(run)] { invocation.run = run; });
}

}  // namespace gateway
