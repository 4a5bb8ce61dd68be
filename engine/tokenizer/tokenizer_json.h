#pragma once
// What a tokenizer.json says, checked. Byte-level BPE with Split expressions, as DeepSeek-V4 ships
// it; whatever the file asks for beyond that is refused, never ignored.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace engine {

struct TokenizerFile {
    struct Added {
        int32_t id;
        std::string content;
    };
    struct Merge {
        int32_t left;
        int32_t right;
        int32_t merged;
    };
    // By id: the bytes of the token, an added token's content included. Empty: no token has this
    // id.
    std::vector<std::string> tokens;
    std::vector<Added> added;  // no two with one id or one content
    std::vector<Merge>
        merges;  // first come, first merged; no pair twice; none touches an added token
    std::vector<std::string> splits;  // expressions, each splits the pieces of the one before
};

inline constexpr size_t kTokenizerBytesMax = size_t{64} << 20;
inline constexpr int32_t kTokenIdsMax = 1 << 20;

// Errors: file_broken for what cannot be, unsupported for what this engine does not do. All 256
// single bytes are there afterwards, so that every text has tokens.
Result<TokenizerFile> parse_tokenizer_json(std::string_view json);

}  // namespace engine
