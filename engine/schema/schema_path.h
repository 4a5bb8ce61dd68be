#pragma once
// Where in a schema something stands, and how errors say it.
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/schema/schema_nodes.h"

namespace engine {

using SchemaPath = std::vector<std::string>;

SchemaPath path_of(const SchemaNodes& schema, uint32_t value);

// schema_unsupported: "In context=('properties', 'a'), " and `what`. Steps are clipped.
tl::unexpected<Error> refuse_schema(const SchemaPath& path, const std::string& what);
// `text` in quotes, clipped, on one line.
std::string quoted_name(std::string_view text);

}  // namespace engine
