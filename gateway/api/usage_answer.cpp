#include "gateway/api/usage_answer.h"

#include "gateway/api/json_text.h"

namespace gateway {

namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
    if (out.back() != '{') out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, text);
}

void append_usd(std::string& out, std::string_view name, billing::NanoUsd amount) {
    append_text(out, name, config::to_string(amount));
}

void append_budget(std::string& out, const billing::BudgetView& budget) {
    out += '{';
    append_text(out, "of", to_string(budget.scope));
    append_text(out, "name", budget.subject);
    append_text(out, "per", to_string(budget.period));
    append_text(out, "time_zone", budget.zone);
    append_usd(out, "limit", budget.limit);
    append_usd(out, "used", budget.spent);
    append_usd(out, "held", budget.reserved);
    if (budget.resets_at)
        append_text(out, "resets_at", config::to_rfc3339(*budget.resets_at));
    else
        out += R"(,"resets_at":null)";
    out += '}';
}

}  // namespace

std::string usage_answer(const billing::UsageView& usage) {
    const billing::Balance& balance = usage.wallet.balance;
    std::string out = R"({"object":"usage")";
    append_text(out, "account", usage.account);
    append_text(out, "paid_by", usage.wallet.path);
    append_usd(out, "funds", balance.funds);
    append_usd(out, "credit_limit", usage.wallet.credit_limit);
    append_usd(out, "held", balance.reserved);
    append_usd(out, "spent", balance.spent);
    append_usd(out, "available", balance.available() + usage.wallet.credit_limit);
    out += R"(,"budgets":[)";
    for (const billing::BudgetView& budget : usage.budgets) {
        if (out.back() != '[') out += ',';
        append_budget(out, budget);
    }
    return out += "]}";
}

}  // namespace gateway
