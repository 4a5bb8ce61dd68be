// weir serve: builds every object in order, runs until a signal, takes them down in reverse.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "gateway/chat/failpoint.h"
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
            // For tests of crashes: the process dies there.
            const char* const failpoint = std::getenv("WEIR_FAILPOINT");
            if (failpoint != nullptr && !arm_failpoint(failpoint)) {
                std::fprintf(stderr, "weir: WEIR_FAILPOINT=%s: neither k1 to k11 nor kN:TIMES\n",
                             failpoint);
                return kExitUsage;
            }
            Serving serving(invocation.config_file, std::move(*config));
            return serving.run();
        };
    });
}

}  // namespace gateway
