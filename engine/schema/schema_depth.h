#pragma once
// How many levels of arrays and objects the values of a schema need at least, which tells what can
// end at all.
#include "engine/schema/schema_nodes.h"

namespace engine {

inline constexpr uint8_t kNeverEnds = UINT8_MAX;

struct SchemaDepths {
    std::vector<uint8_t> nodes;   // kNeverEnds: above n_deep_max
    std::vector<uint8_t> values;  // the least of their nodes
};
// n_deep_max < kNeverEnds.
SchemaDepths schema_depths(const SchemaNodes& schema, size_t n_deep_max);

}  // namespace engine
