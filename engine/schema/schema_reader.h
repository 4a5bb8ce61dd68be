#pragma once
// Which schemas an answer can be held to, and what of them counts.
#include <string_view>

#include "engine/engine.h"
#include "engine/schema/schema_nodes.h"

namespace engine {

// Holds these keywords: type, enum, const, anyOf, $ref within the document, allOf of one schema,
// properties, required, additionalProperties, items, minItems, maxItems; titles and the like say
// nothing. Strict or not, an object has the properties that are listed and no others, in their
// order, unless additionalProperties asks for others or nothing is listed at all: what comes out
// validates, and is what its author meant.
//
// Errors: schema_unsupported for any other keyword and for a schema that is larger than these
// limits, prompt_invalid for what is no JSON. The detail says where, as in "In
// context=('properties', 'a'), 'pattern' is not supported.", and is fit to be told to the client.
struct SchemaLimits {
    size_t n_bytes = size_t{64} << 10;
    size_t n_deep = 64;
    size_t n_properties = 5'000;
    size_t n_literals = 1'000;
};
Result<SchemaNodes> read_schema(std::string_view schema, const SchemaLimits& limits = {});

}  // namespace engine
