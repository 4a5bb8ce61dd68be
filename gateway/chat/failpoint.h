#pragma once
// Places in a request's life at which a test lets the process die, as kill -9 would. Unarmed, they
// cost a load.
#include <cstdint>
#include <string_view>

namespace gateway {

// In the order in which a request passes them.
enum class Failpoint : uint8_t {
    none,
    k1,   // parsed and planned, not admitted
    k2,   // admitted: its RESERVE is queued
    k3,   // about to be dispatched
    k4,   // dispatched
    k5,   // something of the answer is here
    k6,   // something of it is with the client
    k7,   // all of the answer and its usage are here
    k8,   // its end is decided, not queued
    k9,   // SETTLE or RELEASE is queued
    k10,  // and on disk
    k11,  // the client has all of the answer
};

// "k4": the first time that it is passed; "k6:20": the twentieth time. Before requests are served.
// False: it is neither.
bool arm_failpoint(std::string_view text);

namespace failpoint_detail {
extern Failpoint armed;
void reach();
}  // namespace failpoint_detail

inline void pass(Failpoint point) {
    if (point == failpoint_detail::armed) [[unlikely]]
        failpoint_detail::reach();
}

}  // namespace gateway
