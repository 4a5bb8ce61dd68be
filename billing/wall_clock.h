#pragma once
// What the ledger's own entries are dated with where no caller brings a time: administration,
// recovery.
#include "config/units.h"

namespace billing {

config::UnixMillis wall_clock();

}  // namespace billing
