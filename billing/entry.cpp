#include "billing/entry.h"

#include <bit>
#include <cstring>

namespace billing {
namespace {

// Little-endian whatever the machine: a ledger may move.
int64_t to_image(int64_t value) {
    if constexpr (std::endian::native == std::endian::big) {
        return static_cast<int64_t>(__builtin_bswap64(static_cast<uint64_t>(value)));
    }
    return value;
}

struct Image {
    int64_t present;
    std::array<int64_t, kColumnCount> values;
    Digest content;
    Digest previous;
};
static_assert(sizeof(Image) == 8 + 8 * kColumnCount + 64, "no padding may be hashed");

}  // namespace

void Entry::set_tokens(Column first, const TokenCounts& tokens) {
    const std::array<int64_t, 5> counts = {tokens.input_uncached, tokens.cache_read,
                                           tokens.cache_write, tokens.output_answer,
                                           tokens.output_reasoning};
    for (size_t i = 0; i < counts.size(); ++i)
        set(static_cast<Column>(index(first) + i), counts[i]);
}

TokenCounts Entry::tokens(Column first) const {
    const int64_t* counts = &values_[index(first)];
    return {counts[0], counts[1], counts[2], counts[3], counts[4]};
}

Digest chain_hash(Sha256& sha256, const Entry& entry, const Digest& content,
                  const Digest& previous) {
    Image image;
    image.present = to_image(entry.present());
    for (size_t i = 0; i < kColumnCount; ++i) image.values[i] = to_image(entry.values()[i]);
    image.content = content;
    image.previous = previous;
    std::array<unsigned char, sizeof(Image)> bytes;
    std::memcpy(bytes.data(), &image, sizeof image);
    return sha256(bytes);
}

}  // namespace billing
