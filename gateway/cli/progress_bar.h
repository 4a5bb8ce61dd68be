#pragma once
// How far a long command is, on standard error: on a terminal one line that grows, elsewhere a line
// for each tenth.
#include <cstdint>
#include <string>

namespace gateway {

class ProgressBar {
public:
    ProgressBar();
    void show(int64_t n_done, int64_t n_total, const std::string& what);
    void end();  // of the line

private:
    const bool on_terminal_;
    int64_t percent_ = -1;
    size_t n_shown_ = 0;  // characters of `what`
};

}  // namespace gateway
