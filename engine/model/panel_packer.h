#pragma once
// Gives a model's matrices their panels when it is loaded.
#include "engine/kernels/matrix.h"
#include "engine/kernels/thread_pool.h"
#include "engine/model/layer_weights.h"

namespace engine {

class PanelPacker {
public:
    explicit PanelPacker(ConvertedStorage& storage) : storage_(storage), pool_(0) {}

    // Matrices that panels do not suit stay in rows (kernels::panel_type).
    void pack(Matrix& matrix);
    kernels::PanelKinds kinds() const { return kinds_; }  // of all so far

private:
    ConvertedStorage& storage_;
    kernels::ThreadPool pool_;
    kernels::PanelKinds kinds_;
};

}  // namespace engine
