#pragma once
namespace gateway {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace gateway
