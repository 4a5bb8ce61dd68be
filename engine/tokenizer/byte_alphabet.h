#pragma once
// The alphabet in which tokenizer.json spells bytes: printable Latin-1 stands for itself, the other
// 68 bytes for U+0100 and up, in order. A blank is written U+0120, a newline U+010A.
#include <optional>
#include <string>
#include <string_view>

namespace engine {

// The bytes that `stand_ins` spells; nothing if it holds a character outside the alphabet.
std::optional<std::string> bytes_of_stand_ins(std::string_view stand_ins);

}  // namespace engine
