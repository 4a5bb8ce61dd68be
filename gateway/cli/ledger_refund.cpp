// weir ledger refund REQUEST: gives back what a request was charged, as a new entry.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "gateway/cli/ledger_access.h"

namespace gateway {

namespace {

struct LedgerRefundWords {
    std::string request, usd, ref, reason;
    bool json = false;
};

int refund(const Invocation& invocation, const LedgerRefundWords& words) {
    nlohmann::json command{{"op", "ledger_refund"},
                           {"request", words.request},
                           {"ref", words.ref},
                           {"reason", words.reason}};
    if (!words.usd.empty()) command["amount"] = words.usd;
    const auto answer = ledger_command(invocation, command);
    if (!answer) return kExitNo;
    if (words.json) {
        std::printf("%s\n", answer->dump().c_str());
        return kExitOk;
    }
    const std::string amount = answer->at("refunded").get<std::string>() + " USD";
    const bool is_new = answer->at("new").get<bool>();
    std::printf("%s of %s %s; %s USD of the charge are left\n", amount.c_str(),
                words.request.c_str(),
                is_new ? "refunded" : ("were refunded under " + words.ref + " before").c_str(),
                answer->at("left").get<std::string>().c_str());
    return kExitOk;
}

}  // namespace

void add_ledger_refund(CLI::App& ledger, Invocation& invocation) {
    CLI::App* command =
        ledger.add_subcommand("refund", "Give back what a request was charged, or part of it");
    const auto words = std::make_shared<LedgerRefundWords>();
    command->add_option("REQUEST", words->request, "req_..., or its number")->required();
    command->add_option("--usd", words->usd,
                        "How much: 0.50 (default: what is left of the charge)");
    command
        ->add_option("--ref", words->ref,
                     "Your own name for this refund: said again, it refunds nothing more")
        ->required();
    command->add_option("--reason", words->reason, "Why, for the books")->required();
    command->add_flag("--json", words->json);
    command->callback([&invocation, words] {
        invocation.run = [&invocation, words] { return refund(invocation, *words); };
    });
}

}  // namespace gateway
