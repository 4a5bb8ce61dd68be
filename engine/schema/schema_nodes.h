#pragma once
// A JSON Schema taken apart: for each value that it speaks of, the forms that the value may have.
// References and anyOf are gone, a recursive schema is a graph.
#include <cstdint>
#include <string>
#include <vector>

namespace engine {

inline constexpr uint32_t kNoValue = UINT32_MAX;

struct SchemaProperty {
    std::string name;
    uint32_t value;  // in SchemaNodes::values
    bool required = false;
};

struct SchemaNode {
    enum class Form : uint8_t { scalar, literals, object, array } form = Form::scalar;
    uint8_t kinds = 0;                         // scalar: json_kinds
    std::vector<std::string> literals{};       // in JSON, none twice
    std::vector<SchemaProperty> properties{};  // object: in the schema's order
    uint32_t additional = kNoValue;            // object: of other names; kNoValue: there are none
    uint32_t items = kNoValue;                 // array
    uint32_t n_items_min = 0;
    uint32_t n_items_max = UINT32_MAX;
};

// Where the schema of a value stands.
struct SchemaOrigin {
    uint32_t parent = kNoValue;  // the value in whose schema it stands; kNoValue: the document
    std::vector<std::string> steps{};  // from there
};

struct SchemaNodes {
    std::vector<SchemaNode> nodes;
    // The nodes of which a value may be any, ascending; none: no such value can be.
    std::vector<std::vector<uint32_t>> values;
    std::vector<SchemaOrigin> origins;  // by value
    uint32_t root = 0;                  // in values
};

}  // namespace engine
