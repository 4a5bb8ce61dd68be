#include "engine/schema/schema_depth.h"

#include <algorithm>

namespace engine {
namespace {

// From what its parts need, as far as that is known.
uint8_t depth_of(const SchemaNode& node, const std::vector<uint8_t>& values) {
    uint8_t inside = 0;
    switch (node.form) {
        case SchemaNode::Form::scalar:
        case SchemaNode::Form::literals:
            return 0;
        case SchemaNode::Form::object:
            for (const SchemaProperty& property : node.properties) {
                if (property.required) inside = std::max(inside, values[property.value]);
            }
            break;
        case SchemaNode::Form::array:
            if (node.n_items_min > node.n_items_max) return kNeverEnds;
            if (node.n_items_min > 0) inside = values[node.items];
            break;
    }
    return inside == kNeverEnds ? kNeverEnds : static_cast<uint8_t>(inside + 1);
}

}  // namespace

SchemaDepths schema_depths(const SchemaNodes& schema, size_t n_deep_max) {
    SchemaDepths depths{std::vector<uint8_t>(schema.nodes.size(), kNeverEnds),
                        std::vector<uint8_t>(schema.values.size(), kNeverEnds)};
    // After round n all is known that n levels hold.
    for (size_t round = 0; round <= n_deep_max; ++round) {
        bool changed = false;
        for (size_t i = 0; i < schema.nodes.size(); ++i) {
            const uint8_t depth = depth_of(schema.nodes[i], depths.values);
            if (depth > n_deep_max || depth >= depths.nodes[i]) continue;
            depths.nodes[i] = depth;
            changed = true;
        }
        if (!changed) break;
        for (size_t i = 0; i < schema.values.size(); ++i) {
            for (const uint32_t node : schema.values[i]) {
                depths.values[i] = std::min(depths.values[i], depths.nodes[node]);
            }
        }
    }
    return depths;
}

}  // namespace engine
