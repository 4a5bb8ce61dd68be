#include "engine/kernels/window.h"

#include <algorithm>
#include <cstring>

#include "config/ensure.h"

namespace engine::kernels {

Window::Window(int64_t n_window, int64_t width)
    : n_window_(n_window),
      width_(width),
      rows_(std::make_unique_for_overwrite<float[]>(static_cast<size_t>(2 * n_window * width))) {}

float* Window::append(int64_t n_rows) {
    ENSURE(n_rows >= 1 && n_rows <= n_window_);
    if (end_ + n_rows > 2 * n_window_) {
        const int64_t n_kept = std::min(end_, n_window_ - 1);
        std::memmove(rows_.get(), rows_.get() + (end_ - n_kept) * width_,
                     static_cast<size_t>(n_kept * width_) * sizeof(float));
        end_ = n_kept;
    }
    float* first = rows_.get() + end_ * width_;
    end_ += n_rows;
    return first;
}

}  // namespace engine::kernels
