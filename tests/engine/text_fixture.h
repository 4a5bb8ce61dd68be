#pragma once
// The small tokenizer of tests/engine/data, in the layout of the official one.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "engine/chat/control_ids.h"
#include "engine/tokenizer/tokenizer.h"

namespace engine {

inline std::string data_path(const std::string& name) {
    return std::string(WEIR_SOURCE_DIR) + "/tests/engine/data/" + name;
}

inline std::string read_data(const std::string& name) {
    std::ifstream in(data_path(name), std::ios::binary);
    REQUIRE(in);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline const Tokenizer& small_tokenizer() {
    static const std::unique_ptr<Tokenizer> tokenizer = [] {
        auto opened = Tokenizer::open(data_path("tokenizer.json"));
        REQUIRE(opened);
        return std::move(*opened);
    }();
    return *tokenizer;
}

inline const ControlIds& small_controls() {
    static const ControlIds controls = *ControlIds::find(small_tokenizer());
    return controls;
}

inline std::vector<int32_t> encode(std::string_view text) {
    std::vector<int32_t> tokens;
    REQUIRE(small_tokenizer().encode_text(text, SIZE_MAX, tokens));
    return tokens;
}

inline std::string decode(const std::vector<int32_t>& tokens) {
    std::string text;
    for (const int32_t token : tokens) text += small_tokenizer().bytes(token);
    return text;
}

}  // namespace engine
