#pragma once
#include <memory>

#include "billing/billing.h"
#include "billing/pepper.h"

namespace billing {

std::unique_ptr<KeyHasher> make_key_hasher(const Pepper& pepper);

}  // namespace billing
