#pragma once
// KV of a long context without reading a prompt: speed does not depend on what the numbers say.
#include <cstdint>
#include <span>

#include "engine/model/kv_state.h"

namespace engine {

// Numbers of about unit size, the same for the same seed.
void fill_with_noise(std::span<float> numbers, uint64_t seed);

// `kv`, empty, becomes what forward() would leave after n_tokens <= kv.n_ctx(), with random rows.
void fill_kv(KvState& kv, int64_t n_tokens, uint64_t seed);

}  // namespace engine
