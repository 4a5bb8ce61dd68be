#include "engine/calls/byte_trie.h"

#include <algorithm>

namespace engine {

ByteTrie::ByteTrie(const std::vector<std::string_view>& texts) {
    std::vector<size_t> open;  // nodes of the last text's beginnings
    const auto close = [&](size_t n_kept) {
        for (; open.size() > n_kept; open.pop_back()) {
            nodes_[open.back()].skip = static_cast<uint32_t>(nodes_.size());
        }
    };
    std::string_view last;
    for (size_t i = 0; i < texts.size(); ++i) {
        const std::string_view text = texts[i];
        const auto differ = std::mismatch(last.begin(), last.end(), text.begin(), text.end());
        close(static_cast<size_t>(differ.second - text.begin()));
        while (open.size() < text.size()) {
            const auto byte = static_cast<uint8_t>(text[open.size()]);
            open.push_back(nodes_.size());
            nodes_.push_back({0, 0, 0, byte});
        }
        Node& node = nodes_[open.back()];
        if (node.end == 0) node.begin = static_cast<uint32_t>(i);
        node.end = static_cast<uint32_t>(i + 1);
        last = text;
    }
    close(0);
    nodes_.shrink_to_fit();
}

}  // namespace engine
