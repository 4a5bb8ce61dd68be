// Any file is refused in one line or becomes a tokenizer that brings text back unchanged.
#include <cstddef>
#include <cstdint>
#include <string>

#include "config/ensure.h"
#include "engine/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view file(reinterpret_cast<const char*>(data), size);
    const auto tokenizer = engine::Tokenizer::parse(file);
    if (!tokenizer) {
        ENSURE(!tokenizer.error().detail.empty());
        ENSURE(tokenizer.error().detail.find('\n') == std::string::npos);
        return 0;
    }
    constexpr std::string_view text = "a weir <think> 123\n\n 河水 don't </think>";
    std::vector<int32_t> tokens;
    if (!(*tokenizer)->encode_text(text, 1000, tokens)) return 0;  // expressions that give up
    std::string back;
    for (const int32_t token : tokens) {
        ENSURE(!(*tokenizer)->is_added(token));
        back += (*tokenizer)->bytes(token);
    }
    ENSURE(back == text);
    return 0;
}
