#pragma once
// The changes that `weir account|credit|key` and `weir ledger refund` make, as one JSON object in
// and one out: the same whether the command runs on the ledger itself or is sent to the process
// that owns it.
#include <string>
#include <string_view>

#include "billing/billing.h"

namespace gateway {

// Requests: {"op":"account_create","name":N} {"op":"credit_add","account":N,"amount":"10.00"}
// {"op":"key_create","account":N} {"op":"key_disable","key":7} {"op":"key_list"}
// {"op":"account_show","account":N} {"op":"ledger_refund","request":"req_...","ref":R,"reason":T}
// and maybe "amount":"0.50". Answers: {"ok":true, ...} or {"ok":false,"error":"one line that
// says what to do"}. Blocks until the change is on disk. Any input is answered; it never throws.
std::string run_ledger_command(billing::Billing& billing, std::string_view request);

}  // namespace gateway
