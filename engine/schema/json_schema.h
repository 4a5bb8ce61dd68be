#pragma once
// A compiled JSON Schema, as tables for SchemaMachine.
//
// Where a value begins, the forms that it may have make a set; the alternatives of a set are
// followed side by side, as bits of a mask. An edge leads from a set by a key, or from an array to
// its items, to the set of the value there, and knows which alternatives each of those stands for:
// what a value turned out to be decides which alternatives of the object around it are left.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/schema/schema_nodes.h"

namespace engine {

// Constant after compile(); any thread.
class JsonSchema {
public:
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr size_t kDeepMax = 64;          // arrays and objects of a value
    static constexpr size_t kAlternativesMax = 32;  // of one set

    // Errors: those of read_schema(); schema_unsupported besides, for anyOf that combines too many
    // forms, and for a schema that no value of kDeepMax levels fits.
    static Result<std::shared_ptr<const JsonSchema>> compile(std::string_view schema);

    struct Literal {
        std::string text;  // in JSON
        uint32_t owners;   // alternatives that list it
    };
    struct Key {
        std::string text;  // in JSON, without the quotes
        uint32_t edge;
    };
    // What one alternative is, if it is an object. Keys come in its own order.
    struct ObjectRule {
        std::vector<uint32_t> slots;   // by place: in Set::keys
        std::vector<uint32_t> places;  // by slot: its place, or kNone
        std::vector<uint8_t> n_deep;   // by place: levels that its value needs at least
        std::vector<uint32_t>
            required;  // by place, and one more: the next that must come; or the end
        uint8_t n_deep_other = 0;
        bool is_open = false;  // behind all that must come, keys of other names may
    };
    struct ArrayRule {
        uint32_t n_min = 0, n_max = 0;
        uint8_t n_deep = 0;  // levels that an item needs at least
    };
    struct Alternative {
        uint8_t kinds = 0;   // as a scalar; 0: it is none
        uint8_t n_deep = 0;  // levels that it needs at least
        ObjectRule object{};
        ArrayRule array{};
    };
    struct Set {
        std::vector<Alternative> alternatives;
        uint32_t objects = 0, arrays = 0;  // masks
        std::vector<Literal> literals;     // by text
        std::vector<Key> keys;             // by text
        uint32_t other = kNone;            // edge: of a key that is none of `keys`
        uint32_t items = kNone;            // edge
    };
    struct Edge {
        uint32_t set;
        std::vector<uint32_t> from;  // by alternative of the set: those that it stands for
    };

    const Set& set(uint32_t edge) const { return sets_[edges_[edge].set]; }
    const Edge& edge(uint32_t edge) const { return edges_[edge]; }
    static constexpr uint32_t root() { return 0; }  // an edge

private:
    friend class SchemaCompiler;
    std::vector<Set> sets_;
    std::vector<Edge> edges_;
};

}  // namespace engine
