// weir serve: builds every object in order, runs until a signal, takes them down in reverse.
#include <CLI/CLI.hpp>

#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"
#include "gateway/cli/serving.h"

namespace gateway {

void add_serve(CLI::App& app, Invocation& invocation) {
    CLI::App* serve =
        app.add_subcommand("serve", "Run the gateway; SIGHUP reloads, SIGTERM drains");
    serve->callback([&invocation] {
        invocation.run = [&invocation]() -> int {
            auto config = load_or_complain(invocation.config_file);
            if (!config) return kExitNo;
            Serving serving(invocation.config_file, std::move(*config));
            return serving.run();
        };
    });
}

}  // namespace gateway
