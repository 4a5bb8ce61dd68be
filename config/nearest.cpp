#include "config/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace config {

namespace {

constexpr size_t kLengthMax = 64;  // longer words are nobody's typing error

size_t edit_distance(std::string_view a, std::string_view b) {
    std::array<std::array<size_t, kLengthMax + 1>, kLengthMax + 1> d;
    for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t replace = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            d[i][j] = std::min({replace, d[i - 1][j] + 1, d[i][j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& known) {
    if (word.size() > kLengthMax) return {};
    std::optional<std::string_view> best;
    size_t best_distance = std::min<size_t>(3, std::max<size_t>(1, word.size() / 3)) + 1;
    for (const std::string_view candidate : known) {
        if (candidate.size() > kLengthMax) continue;
        const size_t distance = edit_distance(word, candidate);
        if (distance >= best_distance) continue;
        best = candidate;
        best_distance = distance;
    }
    return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
    if (const auto near = nearest(word, known)) return fmt::format("; did you mean {}?", *near);
    if (known.empty()) return "";
    constexpr size_t kShown = 24;
    const size_t n = std::min(known.size(), kShown);
    return fmt::format(
        "; known here: {}{}",
        fmt::join(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(n), ", "),
        n < known.size() ? ", ..." : "");
}

}  // namespace config
