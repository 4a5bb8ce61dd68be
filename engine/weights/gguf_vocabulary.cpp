#include "engine/weights/gguf_vocabulary.h"

#include <nlohmann/json.hpp>

namespace engine {

nlohmann::json deepseek_pre_tokenizer() {
    constexpr const char* kExpressions[] = {
        R"(\p{N}{1,3})",
        // Chinese characters up to U+9FA5, Hiragana, Katakana.
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^)"
        "\r\n"
        R"(\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[)"
        "\r\n"
        R"(]*|\s*[)"
        "\r\n"
        R"(]+|\s+(?!\S)|\s+)",
    };
    nlohmann::json steps = nlohmann::json::array();
    for (const char* expression : kExpressions) {
        steps.push_back({{"type", "Split"},
                         {"pattern", {{"Regex", expression}}},
                         {"behavior", "Isolated"},
                         {"invert", false}});
    }
    steps.push_back({{"type", "ByteLevel"},
                     {"add_prefix_space", false},
                     {"trim_offsets", true},
                     {"use_regex", false}});
    return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

}  // namespace engine
