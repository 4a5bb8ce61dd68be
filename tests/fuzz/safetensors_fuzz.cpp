// The safetensors reader on any bytes: it answers, and what it believes lies inside the file.
#include <cstdlib>

#include "engine/weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span file(reinterpret_cast<const std::byte*>(data), size);
    const auto tensors = engine::parse_safetensors(file, "fuzz");
    if (!tensors) {
        if (tensors.error().detail.find('\n') != std::string::npos) std::abort();
        return 0;
    }
    for (const auto& tensor : *tensors) {
        const auto n = engine::n_bytes(tensor.type, tensor.shape);
        if (!n || *n != static_cast<int64_t>(tensor.bytes.size())) std::abort();
        if (tensor.bytes.empty()) continue;
        if (tensor.bytes.data() < file.data() + 8) std::abort();
        if (&tensor.bytes.back() > &file.back()) std::abort();
    }
    return 0;
}
