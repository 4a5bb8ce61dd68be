#include "engine/model/panel_packer.h"

#include "engine/kernels/pack.h"

namespace engine {

void PanelPacker::pack(Matrix& matrix) {
    const kernels::PanelType type = kernels::panel_type(matrix.dtype);
    if (type == kernels::PanelType::none) return;
    const float unit = kernels::panel_unit(matrix, type);
    const int64_t n = kernels::n_panels(matrix.rows);
    auto* data =
        static_cast<std::byte*>(storage_.allocate(n * kernels::panel_bytes(type, matrix.cols)));
    pool_.run(
        n, [&](int64_t panel, int) { kernels::pack(matrix, type, unit, panel, panel + 1, data); });
    matrix.panels = {type, data, unit};
    (type == kernels::PanelType::bf16 ? kinds_.bf16 : kinds_.integer) = true;
}

}  // namespace engine
