#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "gateway/cli/command.h"

int main(int argc, char** argv) {
    using namespace gateway;
    CLI::App app("An OpenAI-compatible gateway with a DeepSeek-V4 engine inside.", "weir");
    Invocation invocation;
    bool version = false, version_json = false;
    app.add_flag("--version", version, "Print the versions of the program and its libraries");
    app.add_flag("--json", version_json, "With --version: as JSON");
    app.add_option("-c,--config", invocation.config_file, "The config file (default weir.yaml)");
    app.fallthrough();
    app.require_subcommand(0, 1);
    for (const auto add :
         {add_serve, add_check, add_show, add_account, add_key, add_budget, add_report,
          add_statement, add_ledger, add_price, add_model, add_chat, add_bench})
        add(app, invocation);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked_for_help) {
        return app.exit(asked_for_help);
    } catch (const CLI::ParseError& wrong) {
        app.exit(wrong);
        return kExitUsage;
    }
    if (version) {
        std::printf("%s\n", version_text(version_json).c_str());
        return kExitOk;
    }
    if (!invocation.run) {
        std::fprintf(stderr, "%s", app.help().c_str());
        return kExitUsage;
    }
    try {
        return invocation.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "weir: %s\n", error.what());
        return kExitNo;
    }
}
