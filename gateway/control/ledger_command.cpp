#include "gateway/control/ledger_command.h"

#include <nlohmann/json.hpp>

#include "billing/wall_clock.h"
#include "gateway/control/operations.h"

namespace gateway {

using nlohmann::json;

namespace {

constexpr const char* kAmountRule =
    "the amount must be above 0, in USD with at most nine decimals: 10.00";

json ledger_refund(billing::Billing& billing, const json& request) {
    billing::Refund refund;
    const auto found = billing.make_request_names()->find(request.at("request").get<std::string>());
    if (!found) return failure({billing::Errc::request_unknown, ""});
    refund.request = *found;
    if (request.contains("amount")) {
        refund.amount = config::parse_usd(request.at("amount").get<std::string>());
        if (!refund.amount) return failure({billing::Errc::amount_invalid, ""});
    }
    refund.ref = request.at("ref").get<std::string>();
    refund.reason = request.at("reason").get<std::string>();
    const auto refunded = billing.refund(refund);
    if (!refunded) return failure(refunded.error());
    return {{"ok", true},
            {"refunded", config::to_string(refunded->amount)},
            {"left", config::to_string(refunded->left)},
            {"new", refunded->is_new}};
}

constexpr Operation kRefund[] = {{"ledger_refund", ledger_refund}};

}  // namespace

json failure(std::string error) {
    return {{"ok", false}, {"error", std::move(error)}};
}

// What a person at the command line is told.
json failure(const billing::Error& error) {
    using billing::Errc;
    switch (error.code) {
        case Errc::account_unknown:
            return failure("no such account; make one with: weir account create NAME");
        case Errc::name_taken:
            return failure("an account of this name exists");
        case Errc::name_invalid:
            return failure(error.detail);
        case Errc::amount_invalid:
            return failure(error.detail.empty() ? kAmountRule : error.detail);
        case Errc::account_closed:
            return failure("the account, or one that it belongs to, is closed");
        case Errc::budget_unknown:
            return failure("no such budget; see: weir budget list");
        case Errc::time_zone_unknown:
            return failure("no time zone " + error.detail + " on this machine");
        case Errc::request_unknown:
            return failure("no such request" + (error.detail.empty() ? "" : ": " + error.detail));
        case Errc::key_unknown:
            return failure("no such key; see: weir key list");
        case Errc::reference_taken:
            return failure("this reference was used before: " + error.detail);
        case Errc::refund_refused:
        case Errc::budget_invalid:
        case Errc::text_invalid:
            return failure(error.detail);
        case Errc::ledger_unavailable:
            return failure("the ledger cannot be written now (" + error.detail + ")");
        case Errc::insufficient_funds:
        case Errc::unpriced:
        case Errc::ledger_busy:
        case Errc::owned_by_other:
        case Errc::ledger_broken:
        case Errc::budget_exceeded:
        case Errc::network_refused:
        case Errc::query_invalid:
            break;
    }
    return failure(error.detail);
}

json done(const billing::Result<void>& result) {
    if (!result) return failure(result.error());
    return {{"ok", true}};
}

std::optional<billing::NanoUsd> amount_of(const json& request, const char* member,
                                          billing::NanoUsd min) {
    const auto amount = config::parse_usd(request.at(member).get<std::string>());
    if (!amount || *amount < min) return std::nullopt;
    return amount;
}

std::optional<config::UnixMillis> instant_of(const std::string& text) {
    if (const auto duration = config::parse_duration(text))
        return config::UnixMillis{billing::wall_clock().ms + duration->count()};
    return config::parse_rfc3339(text);
}

std::string run_ledger_command(billing::Billing& billing, std::string_view request) {
    try {
        const json parsed = json::parse(request);
        const std::string& name = parsed.at("op").get_ref<const std::string&>();
        const std::span<const Operation> all[] = {account_operations(), key_operations(),
                                                  budget_operations(), kRefund};
        for (const auto& operations : all) {
            for (const Operation& operation : operations) {
                if (name == operation.name) return operation.run(billing, parsed).dump();
            }
        }
        return failure("unknown operation; the two programs have different versions").dump();
    } catch (const json::exception&) {
        return failure("malformed command; the two programs have different versions").dump();
    }
}

}  // namespace gateway
