#include "gateway/chat/failpoint.h"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>

namespace gateway {
namespace {

std::atomic<int64_t> n_left{0};

// All of `text` as a number from 1 to `max`; 0: it is none.
int64_t number_of(std::string_view text, int64_t max) {
    int64_t n = 0;
    const char* const end = text.data() + text.size();
    const auto [read_to, error] = std::from_chars(text.data(), end, n);
    return error == std::errc() && read_to == end && n >= 1 && n <= max ? n : 0;
}

}  // namespace

namespace failpoint_detail {

Failpoint armed = Failpoint::none;

void reach() {
    if (n_left.fetch_sub(1, std::memory_order_relaxed) == 1) ::kill(::getpid(), SIGKILL);
}

}  // namespace failpoint_detail

bool arm_failpoint(std::string_view text) {
    const std::string_view name = text.substr(0, text.find(':'));
    const std::string_view times = name.size() == text.size() ? "1" : text.substr(name.size() + 1);
    if (!name.starts_with('k')) return false;
    const int64_t point = number_of(name.substr(1), static_cast<int64_t>(Failpoint::k11));
    const int64_t nth = number_of(times, INT64_MAX);
    if (point == 0 || nth == 0) return false;
    n_left = nth;
    failpoint_detail::armed = static_cast<Failpoint>(point);
    return true;
}

}  // namespace gateway
