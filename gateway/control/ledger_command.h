#pragma once
// The changes that `weir account|credit|key|budget` and `weir ledger refund` make, as one JSON
// object in and one out: the same whether the command runs on the ledger itself or is sent to the
// process that owns it.
#include <string>
#include <string_view>

#include "billing/billing.h"

namespace gateway {

// Requests name an operation and what it takes; what stands behind a ? may be left out:
//   {"op":"account_create","name":PATH,"wallet":?"prepaid|postpaid|none","credit_limit":USD}
//   account_rename account,name  account_close account  account_limit account,credit_limit
//   account_list  account_show account  credit_add|credit_take account,amount,?ref
//   key_create account,?name,?labels,?routes,?endpoints,?networks,?expires
//   key_rotate key,overlap  key_expire key,at  key_disable|key_enable key  key_list
//   budget_set of,name,per,limit,?time_zone,?alerts  budget_remove of,name,per  budget_list
//   ledger_refund request,ref,reason,?amount
// Answers: {"ok":true, ...} or {"ok":false,"error":"one line that says what to do"}. Blocks until
// the change is on disk. Any input is answered; it never throws.
std::string run_ledger_command(billing::Billing& billing, std::string_view request);

}  // namespace gateway
