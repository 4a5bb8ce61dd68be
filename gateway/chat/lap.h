#pragma once
#include <chrono>

#include "gateway/chat/attempt.h"

namespace gateway {

// Stores the time since `from` and returns now.
inline TimePoint lap(std::chrono::nanoseconds& stage, TimePoint from) {
    const TimePoint now = std::chrono::steady_clock::now();
    stage = now - from;
    return now;
}

}  // namespace gateway
