#pragma once
// How much of the machine other processes used meanwhile: a figure measured beside them is not this
// program's.
#include <cstdint>
#include <optional>

namespace engine {

class OthersCpu {
public:
    OthersCpu() : begin_(now()) {}
    // Part of all processors since construction, 0..1, in steps of the kernel's clock; nothing
    // where the kernel does not say.
    std::optional<double> part() const;

private:
    struct Times {       // seconds since the start, of all processors together
        double all = 0;  // idle or not
        double busy = 0;
        double own = 0;  // of busy
    };
    static std::optional<Times> now();

    const std::optional<Times> begin_;
};

}  // namespace engine
