#pragma once
#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "billing/digest.h"

namespace billing {

// What is hashed of a row. Length before bytes, numbers in eight bytes, little-endian: no two
// different rows give the same image.
class ContentImage {
public:
    ContentImage() { bytes_.reserve(256); }

    ContentImage& add(int64_t value) {
        if constexpr (std::endian::native == std::endian::big) {
            value = static_cast<int64_t>(__builtin_bswap64(static_cast<uint64_t>(value)));
        }
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        bytes_.append(bytes, sizeof value);
        return *this;
    }
    ContentImage& add(std::string_view text) {
        add(static_cast<int64_t>(text.size()));
        bytes_ += text;
        return *this;
    }
    ContentImage& add(const Digest& digest) {
        return add(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
    }
    std::span<const unsigned char> bytes() const {
        return {reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size()};
    }

private:
    std::string bytes_;
};

}  // namespace billing
