#pragma once
// The operations of ledger_command.h, by what they change. Each takes the request as it came, whose
// members may be missing or of another type (then json throws), and answers.
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "billing/billing.h"

namespace gateway {

struct Operation {
    const char* name;
    nlohmann::json (*run)(billing::Billing& billing, const nlohmann::json& request);
};
std::span<const Operation> account_operations();
std::span<const Operation> key_operations();
std::span<const Operation> budget_operations();

nlohmann::json failure(std::string error);
// What a person at the command line is told.
nlohmann::json failure(const billing::Error& error);
// {"ok":true}, or the failure.
nlohmann::json done(const billing::Result<void>& result);

// An amount of at least `min`, from its text. Nothing: then failure({amount_invalid, {}}) says why.
std::optional<billing::NanoUsd> amount_of(const nlohmann::json& request, const char* member,
                                          billing::NanoUsd min = {1});
// An instant as RFC 3339, or a duration from now. Nothing: it is neither.
std::optional<config::UnixMillis> instant_of(const std::string& text);

}  // namespace gateway
