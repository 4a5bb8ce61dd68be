#include "engine/model/kv_choice.h"

namespace engine {

KvFormat kv_format_of(std::optional<config::Kv> kv, Roundings roundings, Numerics numerics) {
    if (kv == config::Kv::f32) return KvFormat::f32;
    if (kv == config::Kv::bf16) return KvFormat::bf16;
    if (kv == config::Kv::official || roundings == Roundings::official) return KvFormat::official;
    return numerics == Numerics::exact ? KvFormat::f32 : KvFormat::bf16;
}

}  // namespace engine
