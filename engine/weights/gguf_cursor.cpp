#include "engine/weights/gguf_cursor.h"

#include "engine/tokenizer/utf8.h"
#include "engine/weights/json_strict.h"

namespace engine {

size_t gguf_value_bytes(GgufType type) {
    switch (type) {
        case GgufType::u8:
        case GgufType::i8:
        case GgufType::boolean:
            return 1;
        case GgufType::u16:
        case GgufType::i16:
            return 2;
        case GgufType::u32:
        case GgufType::i32:
        case GgufType::f32:
            return 4;
        case GgufType::u64:
        case GgufType::i64:
        case GgufType::f64:
            return 8;
        case GgufType::string:
        case GgufType::array:
            break;
    }
    return 0;
}

std::string_view GgufCursor::text() {
    // A whole tokenizer.json may stand in one string; everything else is far shorter.
    constexpr uint64_t kTextBytesMax = 64 << 20;
    const auto length = number<uint64_t>();
    if (length > kTextBytesMax) {
        throw GgufRefusal{Errc::file_broken, "a string of " + std::to_string(length) + " bytes"};
    }
    const size_t begin = offset_;
    skip(length);
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + begin, length);
    if (!is_utf8(text)) {
        throw GgufRefusal{Errc::file_broken, "a string that is not UTF-8: " + in_quotes(text)};
    }
    return text;
}

}  // namespace engine
