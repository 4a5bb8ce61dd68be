#pragma once
#include "billing/billing.h"
#include "billing/pepper.h"

namespace billing {

// AES-128 under a key made from the pepper, over the number and 64 zero bits: one to one, in an
// order that nobody without the pepper can tell, and a made-up name is none.
std::unique_ptr<RequestNames> make_request_names(const Pepper& pepper);

// Those of a ledger, whether or not a server runs. Errors: as read_pepper.
Result<std::unique_ptr<RequestNames>> open_request_names(const std::filesystem::path& ledger);

}  // namespace billing
