#pragma once
#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace billing {

enum class Errc : uint8_t {
    key_unknown,  // unknown, malformed and disabled keys look alike
    account_unknown,
    name_taken,
    name_invalid,  // 1..64 of [A-Za-z0-9._-]
    amount_invalid,
    insufficient_funds,  // funds - spent - reserved < amount
    unpriced,            // no price at that instant or in that tier
    ledger_unavailable,  // the disk refuses: nothing new is admitted, nothing acknowledged is lost
    ledger_busy,         // n_queued_max entries wait for their commit
    owned_by_other,      // another process holds the ledger's lock
    ledger_broken,       // not a ledger, or its chain does not verify
    time_zone_unknown,
    query_invalid,
    request_unknown,
    refund_refused,   // more than is left of the charge, or there is none
    reference_taken,  // of another refund
    text_invalid,
    account_closed,
    budget_exceeded,  // `told` names it, and when it begins anew
    budget_invalid,
    budget_unknown,
    network_refused,  // the key may not be used from there
};

struct Error {
    Errc code;
    std::string detail;     // for the log and the command line, never for a client
    std::string told = {};  // what a client may read of it; mostly empty
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> refused(Errc code, std::string detail) {
    return tl::unexpected(Error{code, std::move(detail), {}});
}

}  // namespace billing
