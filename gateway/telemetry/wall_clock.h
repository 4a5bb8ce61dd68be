#pragma once
// The only reading of the wall clock. For what people read and what the ledger stores, never for
// durations.
#include "config/units.h"

namespace gateway {

config::UnixMillis wall_clock_now();

}  // namespace gateway
