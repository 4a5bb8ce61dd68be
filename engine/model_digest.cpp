#include "engine/model_digest.h"

#include <algorithm>

namespace engine {
namespace {

// FNV-1a, 64 bits.
class Hash {
public:
    void add(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes) {
            state_ = (state_ ^ static_cast<uint64_t>(byte)) * 0x100000001B3u;
        }
    }
    // With its length, so that no two lists of texts add the same bytes.
    void add(std::string_view text) {
        add(static_cast<int64_t>(text.size()));
        add(std::as_bytes(std::span(text)));
    }
    void add(int64_t number) { add(std::as_bytes(std::span(&number, 1))); }
    uint32_t folded() const { return static_cast<uint32_t>(state_ ^ state_ >> 32); }

private:
    uint64_t state_ = 0xCBF29CE484222325u;
};

}  // namespace

uint32_t model_digest(std::string_view config_json, std::string_view tokenizer_json,
                      const TensorSource& source) {
    constexpr size_t kSampleBytes = 1024;
    Hash hash;
    hash.add(config_json);
    hash.add(tokenizer_json);
    for (const Tensor& tensor : source.tensors()) {
        hash.add(tensor.name);
        hash.add(static_cast<int64_t>(tensor.type));
        for (const int64_t size : tensor.shape) hash.add(size);
        hash.add(tensor.bytes.first(std::min(tensor.bytes.size(), kSampleBytes)));
    }
    return hash.folded();
}

}  // namespace engine
