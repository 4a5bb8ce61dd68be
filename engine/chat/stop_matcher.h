#pragma once
// Looks for stop strings in a text that arrives in parts, and holds back what could still become
// one.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

class StopMatcher {
public:
    // Empty stop strings, and those that are not UTF-8, match nothing.
    explicit StopMatcher(const std::vector<std::string>& stops);

    // Appends to `out` what is certain by now. True once a stop string is complete: `out` ends
    // before it and nothing more may be pushed. Of several that end at one place, the longest
    // counts.
    bool push(std::string_view text, std::string& out);
    // No more text comes: what was held back is text.
    void finish(std::string& out);

private:
    struct Stop {
        std::string text;
        std::vector<uint32_t> border;  // by length of a prefix: its longest proper border
        size_t n_matched = 0;          // the longest prefix that the text so far ends with
    };
    static bool advance(Stop& stop, char next);

    std::vector<Stop> stops_;
    std::string held_;
};

}  // namespace engine
