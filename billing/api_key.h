#pragma once
// The text of an API key: "sk-weir-" and 256 random bits in 43 base-62 digits.
#include <array>
#include <string>
#include <string_view>

namespace billing {

inline constexpr std::string_view kKeyPrefix = "sk-weir-";
inline constexpr size_t kKeyDigits = 43;  // 62^43 > 2^256
inline constexpr size_t kKeySize = kKeyPrefix.size() + kKeyDigits;

std::string key_text(const std::array<unsigned char, 32>& bits);

// From the system's generator. Empty, if it has no bytes to give.
std::string random_key();

}  // namespace billing
