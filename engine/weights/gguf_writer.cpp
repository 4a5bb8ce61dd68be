#include "engine/weights/gguf_writer.h"

#include <bit>

#include "config/ensure.h"

namespace engine {

static_assert(std::endian::native == std::endian::little);

template <class T>
void GgufHeader::put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void GgufHeader::put_text(std::string& out, std::string_view value) {
    put<uint64_t>(out, value.size());
    out += value;
}

void GgufHeader::key(std::string_view name, GgufType type) {
    put_text(keys_, name);
    put(keys_, static_cast<uint32_t>(type));
    ++n_keys_;
}

void GgufHeader::list(std::string_view name, GgufType type, size_t size) {
    key(name, GgufType::array);
    put(keys_, static_cast<uint32_t>(type));
    put<uint64_t>(keys_, size);
}

void GgufHeader::whole(std::string_view name, int64_t value) {
    ENSURE(value >= 0);
    if (value <= UINT32_MAX) {
        key(name, GgufType::u32);
        put(keys_, static_cast<uint32_t>(value));
    } else {
        key(name, GgufType::u64);
        put(keys_, static_cast<uint64_t>(value));
    }
}

void GgufHeader::real(std::string_view name, float value) {
    key(name, GgufType::f32);
    put(keys_, value);
}

void GgufHeader::flag(std::string_view name, bool value) {
    key(name, GgufType::boolean);
    put<uint8_t>(keys_, value ? 1 : 0);
}

void GgufHeader::text(std::string_view name, std::string_view value) {
    key(name, GgufType::string);
    put_text(keys_, value);
}

void GgufHeader::wholes(std::string_view name, std::span<const int64_t> values) {
    list(name, GgufType::i32, values.size());
    for (const int64_t value : values) put(keys_, static_cast<int32_t>(value));
}

void GgufHeader::reals(std::string_view name, std::span<const float> values) {
    list(name, GgufType::f32, values.size());
    for (const float value : values) put(keys_, value);
}

void GgufHeader::texts(std::string_view name, std::span<const std::string> values) {
    list(name, GgufType::string, values.size());
    for (const auto& value : values) put_text(keys_, value);
}

void GgufHeader::tensor(std::string_view name, TensorType type, std::span<const int64_t> shape) {
    const auto code = gguf_code(type);
    const auto size = n_bytes(type, shape);
    ENSURE(code && size);
    put_text(tensors_, name);
    put(tensors_, static_cast<uint32_t>(shape.size()));
    for (size_t i = shape.size(); i > 0; --i) {
        put(tensors_, static_cast<uint64_t>(shape[i - 1]));
    }
    put(tensors_, *code);
    put(tensors_, static_cast<uint64_t>(offset_));
    offset_ += padded(*size);
    ++n_tensors_;
}

int64_t GgufHeader::padded(int64_t n_bytes) {
    constexpr auto kAlign = static_cast<int64_t>(kGgufAlignment);
    return (n_bytes + kAlign - 1) / kAlign * kAlign;
}

std::string GgufHeader::bytes() const {
    std::string out = "GGUF";
    put<uint32_t>(out, 3);
    put(out, n_tensors_);
    put(out, n_keys_);
    out += keys_;
    out += tensors_;
    out.resize(static_cast<size_t>(padded(static_cast<int64_t>(out.size()))), '\0');
    return out;
}

}  // namespace engine
