#pragma once
// Seconds for histograms: the one place of this folder where a number is not an integer. Never
// money.
#include <chrono>

namespace billing {

class Stopwatch {
public:
    auto seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace billing
