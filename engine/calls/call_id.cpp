#include "engine/calls/call_id.h"

#include <random>
#include <string_view>

namespace engine {

std::string new_call_id() {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    constexpr size_t kLength = 24;
    // The system's own source each time: calls are rare, and their ids open the call memory.
    std::random_device source;
    std::string id = "call_";
    const size_t n_bytes = id.size() + kLength;
    while (id.size() < n_bytes) {
        uint32_t bits = source();
        for (int i = 0; i < 5 && id.size() < n_bytes; ++i, bits >>= 6) {
            if ((bits & 63) < kDigits.size()) id += kDigits[bits & 63];
        }
    }
    return id;
}

}  // namespace engine
