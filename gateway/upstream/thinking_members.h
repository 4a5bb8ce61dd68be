#pragma once
// The members of a body that say how hard to think, as an endpoint's table spells them.
#include <string>
#include <string_view>
#include <vector>

#include "config/thinking.h"
#include "routing/thinking.h"

namespace gateway {

struct ThinkingMember {
    std::string_view key;
    std::string value;  // JSON
};

// chat_template_kwargs, where it is among them, may hold other things: to be merged. None: nothing
// is said.
std::vector<ThinkingMember> thinking_members(const routing::Thinking& thinking,
                                             config::ThinkingSpelling spelling);

}  // namespace gateway
