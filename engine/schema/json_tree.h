#pragma once
// A JSON text as a tree: members in their order, numbers as Python prints them.
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/json_cursor.h"

namespace engine {

struct JsonMember;

struct JsonTree {
    JsonCursor::Kind kind = JsonCursor::Kind::none;
    std::string text{};  // of a string, decoded; of a number
    bool is_true = false;
    std::vector<JsonTree> items{};    // of an array
    std::vector<JsonMember> members;  // of an object

    bool is(JsonCursor::Kind other) const { return kind == other; }
    const JsonTree* find(std::string_view name) const;  // a member's value, or null
};
struct JsonMember {
    std::string name;
    JsonTree value;
};

// False: what stands next is no JSON, or deeper than JsonCursor::kDepthMax.
bool read_json_tree(JsonCursor& json, JsonTree& out);
// Appends the value as Python's json prints it.
void print_json_tree(const JsonTree& tree, std::string& out);

}  // namespace engine
