#pragma once
// The text that asks for harder thinking, right behind BOS. The same words mean `max` to a preview
// checkpoint and `high` to a 0731 one.
#include <string_view>

#include "config/config.h"

namespace engine {

// Empty: thinking as the model does by itself, or none at all. Words between the tiers of an
// encoding take the one that routing's table reports for them.
std::string_view effort_prefix(config::Encoding encoding, config::Effort tier);

}  // namespace engine
