#include "engine/tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace engine {
namespace {

constexpr int kCodePoints = 0x144;  // every stand-in is below

bool stands_for_itself(int byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// By code point: the byte it stands for, or -1.
std::array<int16_t, kCodePoints> make_bytes() {
    std::array<int16_t, kCodePoints> bytes;
    bytes.fill(-1);
    size_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
        const size_t code_point = stands_for_itself(byte) ? static_cast<size_t>(byte) : next++;
        bytes[code_point] = static_cast<int16_t>(byte);
    }
    return bytes;
}

}  // namespace

std::optional<std::string> bytes_of_stand_ins(std::string_view stand_ins) {
    static const std::array<int16_t, kCodePoints> bytes = make_bytes();
    std::string out;
    out.reserve(stand_ins.size());
    for (size_t i = 0; i < stand_ins.size(); ++i) {
        size_t code_point = static_cast<uint8_t>(stand_ins[i]);
        if (code_point >= 0x80) {  // all others take two bytes
            if ((code_point & 0xE0) != 0xC0 || i + 1 == stand_ins.size()) return std::nullopt;
            const auto second = static_cast<uint8_t>(stand_ins[++i]);
            if ((second & 0xC0) != 0x80) return std::nullopt;
            code_point = (code_point & 0x1F) << 6 | (second & 0x3Fu);
        }
        if (code_point >= kCodePoints || bytes[code_point] < 0) return std::nullopt;
        out += static_cast<char>(bytes[code_point]);
    }
    return out;
}

}  // namespace engine
