#include "engine/measure/others_cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace engine {
namespace {

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

std::optional<OthersCpu::Times> OthersCpu::now() {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    // user nice system idle iowait irq softirq steal; guests count as user already
    double ticks[8] = {};
    stat >> cpu;
    for (double& n : ticks) stat >> n;
    rusage usage{};
    if (!stat || cpu != "cpu" || getrusage(RUSAGE_SELF, &usage) != 0) return std::nullopt;
    Times times;
    for (const double n : ticks) times.all += n;
    times.busy = times.all - ticks[3] - ticks[4];
    const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    times.all /= ticks_per_second;
    times.busy /= ticks_per_second;
    times.own = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    return times;
}

std::optional<double> OthersCpu::part() const {
    const auto end = now();
    if (!begin_ || !end || end->all <= begin_->all) return std::nullopt;
    const double others = (end->busy - begin_->busy) - (end->own - begin_->own);
    return std::clamp(others / (end->all - begin_->all), 0.0, 1.0);
}

}  // namespace engine
