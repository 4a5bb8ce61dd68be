#pragma once
// What submit() refuses, whoever calls it.
#include "engine/engine.h"

namespace engine {

// Errors: context_exceeded; prompt_invalid, for no tokens or ids outside the model; unsupported,
// for sampling outside its ranges.
Result<void> check_request(const Prompt& prompt, const Sampling& sampling, int64_t n_output_max,
                           int64_t n_ctx, int64_t n_vocab);

}  // namespace engine
