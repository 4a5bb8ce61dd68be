#pragma once
// Reads GGUF's little-endian values one after the other. Private to the reader.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "engine/weights/gguf.h"

namespace engine {

// Carries a refusal out of the parser; caught in parse_gguf.
struct GgufRefusal {
    Errc code;
    std::string what;
};

// Of a fixed-size value.
size_t gguf_value_bytes(GgufType type);

class GgufCursor {
public:
    explicit GgufCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

    size_t offset() const { return offset_; }
    void skip(uint64_t n) {
        if (n > bytes_.size() - offset_) throw GgufRefusal{Errc::file_broken, "ends in its header"};
        offset_ += n;
        if (offset_ > kHeaderBytesMax) {
            throw GgufRefusal{Errc::file_broken, "a header of more than 100 MiB"};
        }
    }
    template <class T>
    T number() {
        const size_t begin = offset_;
        skip(sizeof(T));
        T value;
        std::memcpy(&value, bytes_.data() + begin, sizeof value);
        return value;
    }
    std::string_view text();  // length and UTF-8 checked

private:
    static constexpr uint64_t kHeaderBytesMax = 100 << 20;

    std::span<const std::byte> bytes_;
    size_t offset_ = 0;
};

}  // namespace engine
