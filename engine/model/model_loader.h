#pragma once
// From the tensors of a checkpoint to a model's weights: names, shapes and types checked, nothing
// missing, nothing left over.
#include "engine/engine.h"
#include "engine/model/layer_weights.h"
#include "engine/model/model_options.h"
#include "engine/weights/tensor_source.h"

namespace engine {

// Weights point into `source` wherever their bytes can be used as they lie there, else into
// `storage`.
// Errors: file_broken, unsupported; one line with file and tensor.
// In fast mode matrices have panels, in `storage`, and panel_kinds says of which kinds.
Result<ModelWeights> load_weights(const ModelConfig& config, const TensorSource& source,
                                  const ModelOptions& options, ConvertedStorage& storage,
                                  kernels::PanelKinds& panel_kinds);

}  // namespace engine
