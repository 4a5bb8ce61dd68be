#include "engine/schema/schema_words.h"

#include <array>
#include <utility>

namespace engine {
namespace {

using Kind = JsonCursor::Kind;
using Word = SchemaWord;

constexpr std::array<std::pair<std::string_view, Word>, 24> kKeywords = {
    {{"title", Word::silent},
     {"description", Word::silent},
     {"default", Word::silent},
     {"examples", Word::silent},
     {"deprecated", Word::silent},
     {"readOnly", Word::silent},
     {"writeOnly", Word::silent},
     {"$comment", Word::silent},
     {"$schema", Word::silent},
     {"$id", Word::silent},
     {"$defs", Word::silent},
     {"definitions", Word::silent},
     {"$ref", Word::alone},
     {"anyOf", Word::alone},
     {"allOf", Word::alone},
     {"type", Word::of_any},
     {"enum", Word::of_any},
     {"const", Word::of_any},
     {"properties", Word::of_objects},
     {"required", Word::of_objects},
     {"additionalProperties", Word::of_objects},
     {"items", Word::of_arrays},
     {"minItems", Word::of_arrays},
     {"maxItems", Word::of_arrays}}};

}  // namespace

SchemaWord schema_word(std::string_view keyword) {
    for (const auto& [name, word] : kKeywords) {
        if (name == keyword) return word;
    }
    return Word::unknown;
}

std::optional<uint8_t> kinds_of_type(std::string_view name) {
    using namespace json_kinds;
    constexpr std::array<std::pair<std::string_view, uint8_t>, 7> kTypes = {
        {{"null", null},
         {"boolean", boolean},
         {"integer", integer},
         {"number", number | integer},
         {"string", string},
         {"array", array},
         {"object", object}}};
    for (const auto& [type, kinds] : kTypes) {
        if (type == name) return kinds;
    }
    return std::nullopt;
}

uint8_t kind_of(const JsonTree& value) {
    switch (value.kind) {
        case Kind::boolean:
            return json_kinds::boolean;
        case Kind::number:
            return value.text.find_first_of(".e") == std::string::npos ? json_kinds::integer
                                                                       : json_kinds::number;
        case Kind::string:
            return json_kinds::string;
        case Kind::array:
            return json_kinds::array;
        case Kind::object:
            return json_kinds::object;
        case Kind::null:
        case Kind::none:
            break;
    }
    return json_kinds::null;
}

bool is_no_number(const JsonTree& value) {
    return value.is(Kind::number) && value.text.find_first_of("NI") != std::string::npos;
}

}  // namespace engine
