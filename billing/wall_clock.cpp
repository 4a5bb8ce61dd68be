#include "billing/wall_clock.h"

#include <chrono>

namespace billing {

config::UnixMillis wall_clock() {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count()};
}

}  // namespace billing
