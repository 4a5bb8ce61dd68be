#include "gateway/cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace gateway {

ProgressBar::ProgressBar() : on_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::show(int64_t n_done, int64_t n_total, const std::string& what) {
    const int64_t percent = n_total > 0 ? 100 * n_done / n_total : 100;
    if (percent == percent_) return;
    const bool next_tenth = percent / 10 != percent_ / 10;
    percent_ = percent;
    if (on_terminal_) {
        constexpr int64_t kWidth = 50;
        const std::string bar(static_cast<size_t>(percent * kWidth / 100), '#');
        // Blanks cover the rest of a longer text.
        const std::string blanks(n_shown_ > what.size() ? n_shown_ - what.size() : 0, ' ');
        std::fprintf(stderr, "\r[%-50s] %3lld %%  %s%s", bar.c_str(),
                     static_cast<long long>(percent), what.c_str(), blanks.c_str());
        n_shown_ = what.size();
    } else if (next_tenth) {
        std::fprintf(stderr, "%lld %%  %s\n", static_cast<long long>(percent), what.c_str());
    }
}

void ProgressBar::end() {
    if (on_terminal_ && percent_ >= 0) std::fputc('\n', stderr);
}

}  // namespace gateway
