#pragma once
#include <string>

namespace engine {

// "call_" and 24 letters or digits that nobody can guess: who knows an id was told it.
std::string new_call_id();

}  // namespace engine
