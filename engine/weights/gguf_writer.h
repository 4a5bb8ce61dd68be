#pragma once
// The front of a GGUF file, version 3: keys and tensor descriptions. Tensor bytes follow in the
// order in which tensors were added, each padded to kGgufAlignment.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weights/gguf.h"

namespace engine {

class GgufHeader {
public:
    void whole(std::string_view key, int64_t value);  // a u32, or a u64 where it does not fit
    void real(std::string_view key, float value);
    void flag(std::string_view key, bool value);
    void text(std::string_view key, std::string_view value);
    void wholes(std::string_view key, std::span<const int64_t> values);  // i32 each
    void reals(std::string_view key, std::span<const float> values);
    void texts(std::string_view key, std::span<const std::string> values);
    // Row-major shape; a type that gguf_code() knows.
    void tensor(std::string_view name, TensorType type, std::span<const int64_t> shape);

    std::string bytes() const;  // padded to where tensor bytes begin
    static int64_t padded(int64_t n_bytes);

private:
    template <class T>
    static void put(std::string& out, T value);
    static void put_text(std::string& out, std::string_view value);
    void key(std::string_view name, GgufType type);
    void list(std::string_view name, GgufType type, size_t size);

    std::string keys_, tensors_;
    uint64_t n_keys_ = 0, n_tensors_ = 0;
    int64_t offset_ = 0;  // of the next tensor
};

}  // namespace engine
