#pragma once
// A YAML file as a plain tree with the place of every node. Text is kept as it was written: no tag,
// no schema and no number is guessed.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace config {

class Refusals;

struct Mark {
    int line = 0;  // from 1; 0: the file as a whole
    int column = 0;
};

struct Member;

struct Node {
    enum class Kind : uint8_t { null, scalar, list, map };
    Kind kind = Kind::null;
    Mark at;
    std::string text;             // scalar
    bool quoted = false;          // scalar: written in quotes or as a block
    std::string expanded_from;    // scalar: the ${...} that `text` came from, else empty
    bool refused = false;         // scalar: its expansion failed, and that was told
    std::vector<Node> items;      // list
    std::vector<Member> members;  // map, in file order, no key twice
};

struct Member {
    std::string key;
    Mark at;  // of the key
    Node value;
    bool is_default = false;  // not written: filled in from the grammar
};

// Nothing also where `map` is no map.
const Member* find(const Node& map, std::string_view key);
Member* find(Node& map, std::string_view key);

inline constexpr size_t kFileBytesMax = 1 << 20;
inline constexpr int kDepthMax = 16;
inline constexpr int kNodesMax = 100'000;

// Refuses what is not one document of plain YAML in UTF-8: duplicate keys, anchors, aliases, merge
// keys, tags, directives, keys that are not words, tabs in the indentation, and whatever exceeds
// the limits above. Nothing: the text could not be read as a whole. A tree may come back beside
// refusals.
std::optional<Node> parse_yaml(std::string_view text, Refusals& refusals);

}  // namespace config
