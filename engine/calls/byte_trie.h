#pragma once
// Texts by their beginnings, to find those that a machine accepts without trying each.
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/schema/json_machine.h"

namespace engine {

// Of a byte inside a JSON string: it does not simply go on.
inline bool breaks_json_text(uint8_t byte) {
    return byte == '"' || byte == '\\' || byte < 0x20;
}

// A machine has a Place to look ahead with, `bool advance(Place&, uint8_t) const` that is false
// where no text goes on like that, and `JsonText text(const Place&) const`.
class ByteTrie {
public:
    ByteTrie() = default;
    // `texts` ascend, and are not empty.
    explicit ByteTrie(const std::vector<std::string_view>& texts);

    // Calls `take(begin, end)` with the indices of texts that a machine accepts from `place` on.
    // Takes time by the number of beginnings that it accepts.
    template <class Machine, class Take>
    void walk(const Machine& machine, const typename Machine::Place& place, Take&& take) const {
        walk(machine, place, 0, nodes_.size(), take);
    }

private:
    // In the order of a walk; what begins with a node's text follows it, up to `skip`.
    struct Node {
        uint32_t skip;
        uint32_t begin, end;  // texts that end here
        uint8_t byte;
    };

    template <class Machine, class Take>
    void walk(const Machine& machine, const typename Machine::Place& place, size_t begin,
              size_t end, Take& take) const {
        const JsonText text = machine.text(place);
        const bool is_free = text == JsonText::free || text == JsonText::name;
        for (size_t i = begin; i < end; i = nodes_[i].skip) {
            const Node& node = nodes_[i];
            // Inside free text nothing changes: the place serves all that follows.
            const bool breaks =
                breaks_json_text(node.byte) || (text == JsonText::name && node.byte == '<');
            if (is_free && !breaks) {
                if (node.begin < node.end) take(node.begin, node.end);
                walk(machine, place, i + 1, node.skip, take);
                continue;
            }
            typename Machine::Place ahead = place;
            if (!machine.advance(ahead, node.byte)) continue;
            if (node.begin < node.end) take(node.begin, node.end);
            if (node.skip > i + 1) walk(machine, ahead, i + 1, node.skip, take);
        }
    }

    std::vector<Node> nodes_;
};

}  // namespace engine
