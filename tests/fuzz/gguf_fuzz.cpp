// The GGUF reader on any bytes, and what is made of keys: it answers, and what it believes lies
// inside the file.
#include <cstdlib>

#include "engine/model/model_config.h"
#include "engine/tokenizer/tokenizer_json.h"
#include "engine/weights/gguf.h"
#include "engine/weights/gguf_config.h"
#include "engine/weights/gguf_tokenizer.h"

namespace {

template <class T>
void check_error(const engine::Result<T>& result) {
    if (!result && result.error().detail.find('\n') != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span file(reinterpret_cast<const std::byte*>(data), size);
    const auto parsed = engine::parse_gguf(file, "fuzz");
    check_error(parsed);
    if (!parsed) return 0;
    for (const auto& tensor : parsed->tensors) {
        const auto n = engine::n_bytes(tensor.type, tensor.shape);
        if (!n || *n != static_cast<int64_t>(tensor.bytes.size())) std::abort();
        if (tensor.bytes.empty()) continue;
        if (tensor.bytes.data() < file.data() || &tensor.bytes.back() > &file.back()) std::abort();
    }
    const auto config = engine::config_json_of(*parsed, "fuzz");
    check_error(config);
    if (config) check_error(engine::parse_model_config(*config));
    const auto tokenizer = engine::tokenizer_json_of(*parsed, "fuzz");
    check_error(tokenizer);
    if (tokenizer && !tokenizer->empty()) check_error(engine::parse_tokenizer_json(*tokenizer));
    return 0;
}
