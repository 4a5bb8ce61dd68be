#pragma once
// The subset of JSON Schema that `strict: true` stands for. For .cpp files only.
#include <simdjson.h>

#include <optional>
#include <string>

namespace gateway {

// What is wrong with the schema first, in the vendor's words: "In context=(),
// 'additionalProperties' is required to be supplied and to be false."
std::optional<std::string> strict_schema_fault(simdjson::dom::element schema);

}  // namespace gateway
