// From one form of a model file to the other, and back.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/kernels/dequantise.h"
#include "engine/model_tools.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/weights/model_files.h"
#include "tests/engine/gguf_fixture.h"
#include "tests/support/tiny_checkpoint.h"

using namespace engine;
using namespace model_test;
using Catch::Matchers::Contains;

namespace {

ConvertReport convert(const std::filesystem::path& from, const std::filesystem::path& to,
                      std::vector<int64_t>* progress = nullptr) {
    const auto report = convert_model(from, to, [&](int64_t n_done, int64_t n_total) {
        REQUIRE(n_done <= n_total);
        if (progress != nullptr) *progress = {n_done, n_total};
    });
    INFO((report ? "" : report.error().detail));
    REQUIRE(report);
    return *report;
}

}  // namespace

TEST_CASE("convert: to GGUF and back, float types keep every bit", "[engine][model]") {
    const Folder folder;
    std::vector<int64_t> progress;
    convert(fixture_path("official-layout"), folder.dir / "a.gguf", &progress);
    REQUIRE(progress.size() == 2);
    CHECK(progress[0] == progress[1]);
    CHECK(progress[1] == static_cast<int64_t>(std::filesystem::file_size(folder.dir / "a.gguf")));
    convert(folder.dir / "a.gguf", folder.dir / "b");
    convert(fixture_path("hf-saved"), folder.dir / "c");
    const Fixture fixture = read_fixture("official-layout/expected.json");
    const auto expected = logits_of(*load(fixture_path("official-layout")), fixture.tokens);
    CHECK(logits_of(*load(folder.dir / "a.gguf"), fixture.tokens) == expected);
    CHECK(logits_of(*load(folder.dir / "b"), fixture.tokens) == expected);
    check_against_fixture(*load(folder.dir / "c"), "hf-saved");
    size_t n_left = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.dir)) {
        CHECK(entry.path().string().find(".tmp-") == std::string::npos);
        ++n_left;
    }
    CHECK(n_left == 3);
}

TEST_CASE("convert: FP4 to MXFP4 and back keeps every bit, FP8 to Q8_0 nearly all",
          "[engine][model]") {
    const Folder folder;
    convert(fixture_path("official-quantised"), folder.dir / "a.gguf");
    convert(folder.dir / "a.gguf", folder.dir / "b");
    convert(fixture_path("official-quantised"), folder.dir / "c");
    const auto original = load(fixture_path("official-quantised"));
    const auto gguf = load(folder.dir / "a.gguf");
    const auto back = load(folder.dir / "b");
    const auto rows = [](const Matrix& w) {
        std::vector<float> numbers(static_cast<size_t>(w.rows * w.cols));
        for (int64_t i = 0; i < w.rows; ++i) {
            kernels::dequantise(w, i, 0, w.cols, numbers.data() + i * w.cols);
        }
        return numbers;
    };
    for (size_t layer = 0; layer < 3; ++layer) {
        for (size_t e = 0; e < 4; ++e) {
            const Matrix& a = original->weights().layers[layer].ffn.experts[e].w2;
            const Matrix& b = gguf->weights().layers[layer].ffn.experts[e].w2;
            const Matrix& c = back->weights().layers[layer].ffn.experts[e].w2;
            CHECK(b.dtype == Dtype::mxfp4);
            CHECK(c.dtype == Dtype::fp4);
            CHECK(rows(a) == rows(b));
            CHECK(rows(a) == rows(c));
        }
        const Matrix& a = original->weights().layers[layer].attn.wq_a;
        const Matrix& b = gguf->weights().layers[layer].attn.wq_a;
        CHECK(b.dtype == Dtype::q8_0);
        const auto exact = rows(a);
        const auto rounded = rows(b);
        for (size_t begin = 0; begin < exact.size(); begin += 32) {
            float largest = 0;
            for (size_t i = begin; i < begin + 32; ++i) {
                largest = std::max(largest, std::fabs(exact[i]));
            }
            for (size_t i = begin; i < begin + 32; ++i) {
                REQUIRE(std::fabs(exact[i] - rounded[i]) <= largest / 127 * 0.52f);
            }
        }
    }
    const Fixture fixture = read_fixture("official-quantised/expected.json");
    CHECK(logits_of(*load(folder.dir / "c"), fixture.tokens) ==
          logits_of(*original, fixture.tokens));
}

TEST_CASE("convert: the tokenizer goes along", "[engine][model]") {
    const Folder folder;
    const auto source = folder.dir / "source";
    std::filesystem::copy(fixture_path("official-layout"), source);
    const std::string data = std::string(WEIR_SOURCE_DIR) + "/tests/engine/data/tokenizer.json";
    auto tokenizer = nlohmann::json::parse(read_bytes(data));
    std::ofstream(source / "tokenizer.json") << tokenizer.dump();
    // The fixture's 256 tokens are too few for it.
    const auto refused = convert_model(source, folder.dir / "x.gguf", {});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().detail, Contains("beyond the model's vocabulary"));

    convert(fixture_path(kGgufFile), folder.dir / "y");
    const auto original = Tokenizer::open(data);
    const auto copy = Tokenizer::open(folder.dir / "y" / "tokenizer.json");
    REQUIRE(original);
    REQUIRE(copy);
    for (int32_t id = 0; id < (*original)->n_ids(); ++id) {
        REQUIRE((*copy)->bytes(id) == (*original)->bytes(id));
    }
}

TEST_CASE("convert: expressions that no GGUF reader has a name for go along whole",
          "[engine][model]") {
    const support::TinyCheckpoint checkpoint;
    const auto json = checkpoint.dir() / "tokenizer.json";
    auto tokenizer = nlohmann::json::parse(read_bytes(json));
    tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "\\p{N}{1,2}";
    std::ofstream(json) << tokenizer.dump();
    const auto file = checkpoint.dir() / "other.gguf";
    convert(checkpoint.dir(), file);
    const auto files = open_model_files(file);
    REQUIRE(files);
    CHECK(files->tokenizer_json == tokenizer.dump());

    // The published expressions have one, and the vocabulary stands in the keys alone.
    const support::TinyCheckpoint published;
    convert(published.dir(), published.dir() / "published.gguf");
    const auto plain = open_model_files(published.dir() / "published.gguf");
    REQUIRE(plain);
    CHECK(plain->tokenizer_json != read_bytes(published.dir() / "tokenizer.json"));
    const auto a = Tokenizer::parse(plain->tokenizer_json);
    const auto b = Tokenizer::open(published.dir() / "tokenizer.json");
    REQUIRE(a);
    REQUIRE(b);
    REQUIRE((*a)->n_ids() == (*b)->n_ids());
    for (int32_t id = 0; id < (*b)->n_ids(); ++id) REQUIRE((*a)->bytes(id) == (*b)->bytes(id));
}

TEST_CASE("convert: nothing is overwritten, and nothing half done stays", "[engine][model]") {
    const Folder folder;
    std::ofstream(folder.dir / "there.gguf") << "mine";
    const auto taken = convert_model(fixture_path("hf-saved"), folder.dir / "there.gguf", {});
    REQUIRE_FALSE(taken);
    CHECK_THAT(taken.error().detail, Contains("exists"));
    CHECK(read_bytes(folder.dir / "there.gguf") == "mine");
    CHECK_FALSE(convert_model(fixture_path("hf-saved"), folder.dir / "no" / "such.gguf", {}));
    CHECK_FALSE(convert_model(folder.dir / "there.gguf", folder.dir / "other.gguf", {}));
    struct Stop {};
    CHECK_THROWS_AS(convert_model(fixture_path("hf-saved"), folder.dir / "cut.gguf",
                                  [](int64_t, int64_t) { throw Stop{}; }),
                    Stop);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.dir), {}) == 1);
}
