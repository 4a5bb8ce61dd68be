#pragma once
// Which KV format a model is run with.
#include <optional>

#include "engine/model/model_options.h"

namespace engine {

// As a config asks for it. Absent: what the roundings make of KV, else f32 or bf16 by the numerics.
KvFormat kv_format_of(std::optional<config::Kv> kv, Roundings roundings, Numerics numerics);

}  // namespace engine
