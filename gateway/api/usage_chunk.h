#pragma once
// The usage chunk that an upstream left out of a stream although the client asked for it.
#include <string>
#include <string_view>

#include "gateway/chat/attempt.h"

namespace gateway {

// Says `usage`, which is our count, with id, created and model as in `chunk`, an event of the same
// stream.
std::string missing_usage_chunk(std::string_view chunk, const Usage& usage);

}  // namespace gateway
