#pragma once
// The words of a JSON Schema: keywords, and names of types.
#include <optional>

#include "engine/schema/json_machine.h"
#include "engine/schema/json_tree.h"

namespace engine {

enum class SchemaWord : uint8_t {
    silent,      // does not say which values are valid
    alone,       // beside it nothing else is held: $ref, anyOf, allOf
    of_any,      // type, enum, const
    of_objects,  // says something about objects only
    of_arrays,
    unknown,
};
SchemaWord schema_word(std::string_view keyword);

inline constexpr uint8_t kScalarKinds = json_kinds::null | json_kinds::boolean |
                                        json_kinds::integer | json_kinds::number |
                                        json_kinds::string;
// Of the name of a type.
std::optional<uint8_t> kinds_of_type(std::string_view name);
// The one kind of a value.
uint8_t kind_of(const JsonTree& value);
// NaN, an infinity or a number beyond any double: a lenient reader takes them.
bool is_no_number(const JsonTree& value);

}  // namespace engine
