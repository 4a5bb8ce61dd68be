#pragma once
// The GGUF container, versions 2 and 3: counts, keys with typed values, tensor descriptions, tensor
// bytes. Nothing of a file is believed before it is checked: every length and product against the
// file, counts and strings against caps, UTF-8, types, alignment, and that no two tensors overlap.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "engine/weights/tensor_source.h"

namespace engine {

enum class GgufType : uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    string,
    array,
    u64,
    i64,
    f64,
};

// Elements stay in the file, checked, and are read one after the other: a vocabulary takes no
// memory of its own.
class GgufArray {
public:
    GgufArray(GgufType type, uint64_t size, std::span<const std::byte> bytes)
        : type_(type), size_(size), bytes_(bytes) {}

    GgufType type() const { return type_; }
    uint64_t size() const { return size_; }
    // Calls with each element in order: a string_view, or a double (whole numbers up to 2^53
    // exactly).
    template <class Visit>
    void for_each_text(Visit visit) const;  // type string
    template <class Visit>
    void for_each_number(Visit visit) const;  // any other type

private:
    double number_at(size_t offset) const;
    std::string_view text_at(size_t& offset) const;
    size_t element_bytes() const;

    GgufType type_;
    uint64_t size_;
    std::span<const std::byte> bytes_;
};

// Whole numbers of any width, floats of any width, booleans, strings, arrays.
using GgufValue = std::variant<int64_t, double, bool, std::string_view, GgufArray>;

struct GgufFile {
    std::map<std::string_view, GgufValue, std::less<>> keys;
    std::vector<Tensor> tensors;  // shapes row-major: the file's order reversed
};

// `file` is the whole file and must outlive the result; `name` stands in the tensors and before
// each error. Errors: file_broken; unsupported, for a version or tensor type that this engine does
// not read.
Result<GgufFile> parse_gguf(std::span<const std::byte> file, const std::string& name);

bool is_gguf(std::span<const std::byte> file);  // by its first bytes

// The tensor type's number in a file, and back. Nothing: GGUF has no such type, or none we read.
std::optional<uint32_t> gguf_code(TensorType type);
std::optional<TensorType> gguf_tensor_type(uint32_t code);

constexpr uint64_t kGgufAlignment = 32;  // where general.alignment is not said

template <class Visit>
void GgufArray::for_each_text(Visit visit) const {
    size_t offset = 0;
    for (uint64_t i = 0; i < size_; ++i) visit(text_at(offset));
}

template <class Visit>
void GgufArray::for_each_number(Visit visit) const {
    for (uint64_t i = 0; i < size_; ++i) visit(number_at(i * element_bytes()));
}

}  // namespace engine
