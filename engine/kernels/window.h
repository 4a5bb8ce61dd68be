#pragma once
// The last rows of a sequence, oldest first and always contiguous: rows are appended to a buffer of
// twice the window, and when it is full the live tail moves to the front, about one row copied per
// row appended.
#include <cstdint>
#include <memory>

namespace engine::kernels {

class Window {
public:
    Window() = default;
    Window(int64_t n_window, int64_t width);

    void reset() { end_ = 0; }
    // Room for n_rows <= n_window rows, [n_rows, width], to be written before any read. Keeps at
    // least the n_window - 1 rows before them.
    float* append(int64_t n_rows);
    // The row `back` places before the last one (0: the last), back < rows appended since reset().
    const float* row(int64_t back) const { return rows_.get() + (end_ - 1 - back) * width_; }

    int64_t n_window() const { return n_window_; }
    int64_t bytes() const { return 2 * n_window_ * width_ * static_cast<int64_t>(sizeof(float)); }

private:
    int64_t n_window_ = 0;
    int64_t width_ = 0;
    int64_t end_ = 0;                // rows in the buffer
    std::unique_ptr<float[]> rows_;  // [2 * n_window, width]
};

}  // namespace engine::kernels
