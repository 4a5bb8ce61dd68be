// weir check FILE: is this file a config, and if not, why.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "gateway/cli/command.h"
#include "gateway/cli/config_file.h"

namespace gateway {

void add_check(CLI::App& app, Invocation& invocation) {
    CLI::App* check = app.add_subcommand("check", "Validate a config file, offline");
    const auto file = std::make_shared<std::string>();
    const auto schema = std::make_shared<bool>(false);
    const auto reference = std::make_shared<bool>(false);
    check->add_option("FILE", *file, "The file (default: the one of -c)");
    check->add_flag("--schema", *schema, "Print the JSON Schema of the file and exit");
    check->add_flag("--reference", *reference, "Print the page of all keys (Markdown) and exit");
    check->callback([&invocation, file, schema, reference] {
        invocation.run = [&invocation, file, schema, reference]() -> int {
            if (*schema) {
                std::printf("%s", config::json_schema().c_str());
                return kExitOk;
            }
            if (*reference) {
                std::printf("%s", config::reference_page().c_str());
                return kExitOk;
            }
            const std::string& name = file->empty() ? invocation.config_file : *file;
            if (!load_or_complain(name)) return kExitNo;
            std::printf("%s: ok\n", name.c_str());
            return kExitOk;
        };
    });
}

}  // namespace gateway
