#pragma once
// Tells a client in its usage that it was not thought as it asked for.
#include <string>
#include <string_view>

namespace gateway {

// An answer, or an event of one, with usage.weir_reasoning, which says what x-weir-reasoning does.
// As it came, if it has no usage.
std::string with_reasoning(std::string_view data, std::string_view reasoning);

}  // namespace gateway
