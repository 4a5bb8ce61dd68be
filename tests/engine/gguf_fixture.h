#pragma once
// What tests of model files share.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/engine/model_fixture.h"

namespace model_test {

// Another program's file, see tests/engine/data/make_gguf.py.
inline const std::string kGgufFile = "gguf/official-layout.gguf";

inline std::string read_bytes(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE(in);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Gone when the test ends.
struct Folder {
    std::filesystem::path dir;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "weir-gguf-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        dir = name;
    }
    ~Folder() { std::filesystem::remove_all(dir); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

inline std::vector<float> logits_of(const engine::Model& model, std::span<const int32_t> tokens) {
    const auto n = static_cast<int64_t>(tokens.size());
    return Runner(model, 2, n, n).run_whole(tokens);
}

inline std::unique_ptr<engine::Model> load(const std::filesystem::path& path) {
    auto model = engine::Model::load(path, {});
    INFO((model ? "" : model.error().detail));
    REQUIRE(model);
    return std::move(*model);
}

inline void check_against_fixture(const engine::Model& model, const std::string& expected) {
    const Fixture fixture = read_fixture(expected + "/expected.json");
    check_logits(fixture, logits_of(model, fixture.tokens), model.config().n_vocab);
}

}  // namespace model_test
