#pragma once
// The program's commands. Each add_*() hangs its words into the CLI11 app; the chosen one sets
// Invocation::run, which main() calls and whose value is the exit code.
#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace gateway {

enum ExitCode { kExitOk = 0, kExitNo = 1, kExitUsage = 2 };

struct Invocation {
    std::string config_file = "weir.yaml";  // -c, before or after the command
    std::function<int()> run;
};

void add_serve(CLI::App& app, Invocation& invocation);
void add_check(CLI::App& app, Invocation& invocation);
void add_show(CLI::App& app, Invocation& invocation);
void add_account(CLI::App& app, Invocation& invocation);  // account, credit
void add_key(CLI::App& app, Invocation& invocation);
void add_budget(CLI::App& app, Invocation& invocation);
void add_report(CLI::App& app, Invocation& invocation);
void add_statement(CLI::App& app, Invocation& invocation);
void add_ledger(CLI::App& app, Invocation& invocation);
void add_ledger_show(CLI::App& ledger, Invocation& invocation);  // below add_ledger()
void add_ledger_refund(CLI::App& ledger, Invocation& invocation);
void add_ledger_backup(CLI::App& ledger, Invocation& invocation);
void add_ledger_cut(CLI::App& ledger, Invocation& invocation);
void add_ledger_reconcile(CLI::App& ledger, Invocation& invocation);
void add_price(CLI::App& app, Invocation& invocation);
void add_price_import(CLI::App& price, Invocation& invocation);  // below add_price()
void add_model(CLI::App& app, Invocation& invocation);
void add_model_text(CLI::App& model, Invocation& invocation);  // below add_model()
void add_model_convert(CLI::App& model, Invocation& invocation);
void add_model_plan(CLI::App& model, Invocation& invocation);
void add_chat(CLI::App& app, Invocation& invocation);
void add_bench(CLI::App& app, Invocation& invocation);

// What `weir --version [--json]` prints: the program and every linked library.
std::string version_text(bool json);

}  // namespace gateway
