#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace engine {

// Of named things in the order of their texts, those that go on with the bytes so far.
struct Names {
    uint32_t begin = 0, end = 0;  // half open
    uint32_t n = 0;               // bytes

    bool any() const { return begin < end; }

    // Leaves those that have `byte` next. `text` gives a thing's text.
    template <class Named, class Text>
    void narrow(const std::vector<Named>& all, Text&& text, uint8_t byte) {
        // Of those left, the one that ends here stands in front.
        const auto next = [&](const Named& one) {
            const std::string& name = text(one);
            return name.size() > n ? static_cast<int>(static_cast<uint8_t>(name[n])) : -1;
        };
        const auto from =
            std::lower_bound(all.begin() + begin, all.begin() + end, int{byte},
                             [&](const Named& one, int wanted) { return next(one) < wanted; });
        const auto to =
            std::upper_bound(from, all.begin() + end, int{byte},
                             [&](int wanted, const Named& one) { return wanted < next(one); });
        begin = static_cast<uint32_t>(from - all.begin());
        end = static_cast<uint32_t>(to - all.begin());
        ++n;
    }
    // Whether the bytes so far are one of them as a whole: the first.
    template <class Named, class Text>
    bool whole(const std::vector<Named>& all, Text&& text) const {
        return any() && text(all[begin]).size() == n;
    }
};

}  // namespace engine
