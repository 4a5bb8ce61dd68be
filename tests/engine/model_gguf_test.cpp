// Models in GGUF files: another program's file, what keys leave out, every block format, parts.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "engine/kernels/dequantise.h"
#include "engine/kernels/half.h"
#include "engine/model/stored_format.h"
#include "engine/model/tensor_specs.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/weights/gguf.h"
#include "engine/weights/gguf_config.h"
#include "engine/weights/gguf_tokenizer.h"
#include "engine/weights/gguf_writer.h"
#include "tests/engine/gguf_fixture.h"
#include "tests/support/synthetic_weights.h"

using namespace engine;
using namespace model_test;
using Catch::Matchers::Contains;

TEST_CASE("gguf model: another program's file computes the stored logits", "[engine][model]") {
    const auto model = load(fixture_path(kGgufFile));
    const auto expected = read_model_config(fixture_path("official-layout"));
    REQUIRE(expected);
    CHECK(model->config() == *expected);
    check_against_fixture(*model, "official-layout");
}

TEST_CASE("gguf model: the tokenizer inside is the one it was made from", "[engine][model]") {
    const std::string bytes = read_bytes(fixture_path(kGgufFile));
    const auto file = parse_gguf(std::as_bytes(std::span(bytes)), "f");
    REQUIRE(file);
    const auto json = tokenizer_json_of(*file, "f");
    REQUIRE(json);
    const auto inside = Tokenizer::parse(*json);
    INFO((inside ? "" : inside.error().detail));
    REQUIRE(inside);
    const auto original =
        Tokenizer::open(std::string(WEIR_SOURCE_DIR) + "/tests/engine/data/tokenizer.json");
    REQUIRE(original);
    REQUIRE((*inside)->n_ids() == (*original)->n_ids());
    for (int32_t id = 0; id < (*original)->n_ids(); ++id) {
        REQUIRE((*inside)->bytes(id) == (*original)->bytes(id));
        REQUIRE((*inside)->is_added(id) == (*original)->is_added(id));
    }
    for (const char* text : {"the quick brown fox", "Wehr \xC3\xA9 12345 (x)\n\n y", ""}) {
        std::vector<int32_t> a, b;
        REQUIRE((*inside)->encode_text(text, 1000, a));
        REQUIRE((*original)->encode_text(text, 1000, b));
        CHECK(a == b);
    }
}

TEST_CASE("gguf model: keys that tensors tell are derived, the others are named",
          "[engine][model]") {
    const std::string bytes = read_bytes(fixture_path(kGgufFile));
    const auto original = parse_gguf(std::as_bytes(std::span(bytes)), "f");
    REQUIRE(original);
    const auto whole = config_json_of(*original, "f");
    REQUIRE(whole);
    std::set<std::string> named;
    for (const auto& [key, value] : original->keys) {
        GgufFile file = *original;
        file.keys.erase(key);
        const auto config = config_json_of(file, "f");
        INFO(key);
        if (config) {
            CHECK(*config == *whole);
        } else {
            CHECK(config.error().code == Errc::file_broken);
            CHECK(config.error().detail == "f: key \"" + std::string(key) + "\" is missing");
            named.emplace(key);
        }
    }
    const std::set<std::string> expected = {
        "deepseek4.attention.compress_rope_freq_base",
        "deepseek4.attention.indexer.top_k",
        "deepseek4.attention.layer_norm_rms_epsilon",
        "deepseek4.attention.sliding_window",
        "deepseek4.context_length",
        "deepseek4.expert_weights_scale",
        "deepseek4.hyper_connection.epsilon",
        "deepseek4.hyper_connection.sinkhorn_iterations",
        "deepseek4.rope.dimension_count",
        "deepseek4.rope.scaling.factor",
        "deepseek4.rope.scaling.original_context_length",
        "deepseek4.rope.scaling.type",
        "deepseek4.swiglu_clamp_exp",
        "general.architecture",
        "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.eos_token_id",
    };
    CHECK(named == expected);

    GgufFile bare = *original;  // nothing derivable is said at all
    for (const char* key : {"block_count",
                            "embedding_length",
                            "vocab_size",
                            "attention.head_count",
                            "attention.head_count_kv",
                            "attention.key_length",
                            "attention.value_length",
                            "attention.q_lora_rank",
                            "attention.output_group_count",
                            "attention.output_lora_rank",
                            "attention.compress_ratios",
                            "attention.indexer.head_count",
                            "attention.indexer.key_length",
                            "hyper_connection.count",
                            "hash_layer_count",
                            "expert_count",
                            "expert_used_count",
                            "expert_shared_count",
                            "expert_feed_forward_length",
                            "expert_gating_func",
                            "expert_weights_norm"}) {
        CHECK(bare.keys.erase("deepseek4." + std::string(key)) == 1);
    }
    const auto config = config_json_of(bare, "f");
    INFO((config ? "" : config.error().detail));
    REQUIRE(config);
    CHECK(*config == *whole);
}

TEST_CASE("gguf model: values that no V4 has", "[engine][model]") {
    const std::string bytes = read_bytes(fixture_path(kGgufFile));
    const auto original = parse_gguf(std::as_bytes(std::span(bytes)), "f");
    REQUIRE(original);
    const auto with = [&](const char* key, GgufValue value) {
        GgufFile file = *original;
        file.keys.insert_or_assign(key, value);
        const auto config = config_json_of(file, "f");
        return config ? "read" : config.error().detail;
    };
    CHECK_THAT(with("general.architecture", "llama"), Contains("this engine knows deepseek4"));
    CHECK_THAT(with("deepseek4.block_count", int64_t{0}), Contains("is 0"));
    CHECK_THAT(with("deepseek4.block_count", int64_t{1} << 60), Contains("is 1152921504606846976"));
    CHECK_THAT(with("deepseek4.block_count", "three"), Contains("a value of another type"));
    CHECK_THAT(with("deepseek4.expert_gating_func", int64_t{1}), Contains("knows 4"));
    CHECK_THAT(with("deepseek4.rope.scaling.type", "linear"), Contains("knows yarn and none"));
    CHECK_THAT(with("deepseek4.attention.value_length", int64_t{3}), Contains("differs"));
    CHECK_THAT(with("deepseek4.attention.compress_ratios", int64_t{4}), Contains("is no array"));
    CHECK_THAT(with("deepseek4.nextn_predict_layers", int64_t{-1}), Contains("is -1"));
    CHECK_THAT(with("deepseek4.swiglu_clamp_shexp", 3.5), Contains("differs from"));
    CHECK(with("deepseek4.swiglu_clamp_exp", 2.0) == "read");  // one number for all layers
}

namespace {

// v4-tiny with wider rows, so that blocks of 256 fit, matrices in one block format and the rest
// F32; and the same numbers as F32 throughout.
class BlockModel final : public TensorSource {
public:
    enum class Stored { blocks, numbers };
    BlockModel(const ModelConfig& config, TensorType type, Stored stored) {
        plain_ = support::synthetic_tensors(config, {"blocks/"});
        tensors_ = plain_->tensors();
        std::mt19937 random(11);
        for (Tensor& tensor : tensors_) {
            if (!tensor.name.ends_with(".weight") || tensor.shape.size() != 2) continue;
            auto& blocks = bytes_.emplace_back(static_cast<size_t>(*n_bytes(type, tensor.shape)));
            for (auto& byte : blocks) byte = static_cast<std::byte>(random());
            tame(type, tensor.shape[1], blocks);
            if (stored == Stored::blocks) {
                tensor.type = type;
                tensor.bytes = blocks;
            } else {
                tensor.bytes = numbers_of(type, tensor, blocks);
            }
        }
    }
    const std::vector<Tensor>& tensors() const override { return tensors_; }

private:
    // Scales that make a row's numbers about 1 / sqrt(row).
    static void tame(TensorType type, int64_t cols, std::vector<std::byte>& blocks) {
        const auto unit = static_cast<float>(1 / std::sqrt(static_cast<double>(cols)));
        const auto put = [&](size_t at, float scale) {
            const uint16_t half = kernels::f32_to_f16(scale);
            std::memcpy(blocks.data() + at, &half, 2);
        };
        const BlockShape shape = block_shape(matrix_dtype(type));
        for (size_t at = 0; at < blocks.size(); at += static_cast<size_t>(shape.bytes)) {
            if (type == TensorType::q8_0) put(at, unit / 64);
            if (type == TensorType::iq2_xxs) put(at, unit / 32);
            if (type == TensorType::q4_k) put(at, unit / 200), put(at + 2, unit / 30);
            if (type == TensorType::q2_k) put(at + 80, unit / 8), put(at + 82, unit / 8);
            if (type == TensorType::mxfp4) blocks[at] = std::byte{123};
        }
    }
    std::span<const std::byte> numbers_of(TensorType type, const Tensor& tensor,
                                          const std::vector<std::byte>& blocks) {
        const kernels::Matrix matrix{
            blocks.data(), matrix_dtype(type), tensor.shape[0], tensor.shape[1], nullptr, 0};
        auto& numbers = numbers_.emplace_back(static_cast<size_t>(matrix.rows * matrix.cols));
        for (int64_t i = 0; i < matrix.rows; ++i) {
            kernels::dequantise(matrix, i, 0, matrix.cols, numbers.data() + i * matrix.cols);
        }
        return std::as_bytes(std::span(numbers));
    }

    std::unique_ptr<TensorSource> plain_;
    std::vector<Tensor> tensors_;
    std::vector<std::vector<std::byte>> bytes_;
    std::vector<std::vector<float>> numbers_;
};

ModelConfig wide_config() {
    auto config = read_json("v4-tiny.config.json");
    config["hidden_size"] = 256;
    config["q_lora_rank"] = 256;
    config["o_lora_rank"] = 128;
    config["moe_intermediate_size"] = 256;
    config["num_hidden_layers"] = 4;
    return config_of(config);
}

}  // namespace

TEST_CASE("gguf model: matrices in every block format compute what their numbers do",
          "[engine][model]") {
    const auto config = wide_config();
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto tokens = std::span<const int32_t>(golden.tokens).first(40);
    for (const TensorType type : {TensorType::q8_0, TensorType::q4_k, TensorType::q2_k,
                                  TensorType::iq2_xxs, TensorType::mxfp4}) {
        INFO(to_string(type));
        const auto model = [&](BlockModel::Stored stored) {
            auto loaded =
                Model::from_source(config, std::make_unique<BlockModel>(config, type, stored), {});
            INFO((loaded ? "" : loaded.error().detail));
            REQUIRE(loaded);
            return std::move(*loaded);
        };
        const auto blocks = logits_of(*model(BlockModel::Stored::blocks), tokens);
        const auto numbers = logits_of(*model(BlockModel::Stored::numbers), tokens);
        double largest = 0;
        double gap = 0;
        for (size_t i = 0; i < blocks.size(); ++i) {
            REQUIRE(std::isfinite(blocks[i]));
            largest = std::max(largest, std::fabs(static_cast<double>(numbers[i])));
            gap = std::max(
                gap, std::fabs(static_cast<double>(blocks[i]) - static_cast<double>(numbers[i])));
        }
        CHECK(largest > 0.1);
        CHECK(gap < 5e-4 * std::max(1.0, largest));
    }
}

TEST_CASE("gguf model: a file in parts", "[engine][model]") {
    const Folder folder;
    const std::string bytes = read_bytes(fixture_path(kGgufFile));
    const auto file = parse_gguf(std::as_bytes(std::span(bytes)), "f");
    REQUIRE(file);
    // The second part holds the last tensors, the first the rest and the keys: written anew here.
    const size_t n_first = file->tensors.size() / 2;
    const auto part = [&](size_t begin, size_t end, int64_t i, bool with_keys) {
        GgufHeader header;
        header.whole("split.no", i);
        header.whole("split.count", 2);
        header.whole("split.tensors.count", static_cast<int64_t>(file->tensors.size()));
        for (const auto& [key, value] : file->keys) {
            if (!with_keys) break;
            if (const auto* n = std::get_if<int64_t>(&value)) header.whole(key, *n);
            if (const auto* x = std::get_if<double>(&value)) {
                header.real(key, static_cast<float>(*x));
            }
            if (const auto* flag = std::get_if<bool>(&value)) header.flag(key, *flag);
            const auto* text = std::get_if<std::string_view>(&value);
            if (text != nullptr && !key.starts_with("tokenizer.")) header.text(key, *text);
            if (key == "deepseek4.swiglu_clamp_exp") {
                std::vector<float> limits;
                std::get<GgufArray>(value).for_each_number(
                    [&](double x) { limits.push_back(static_cast<float>(x)); });
                header.reals(key, limits);
            }
        }
        std::string data;
        for (size_t t = begin; t < end; ++t) {
            const Tensor& tensor = file->tensors[t];
            header.tensor(tensor.name, tensor.type, tensor.shape);
            data.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
            data.resize((data.size() + 31) / 32 * 32);
        }
        const std::string name = "m-0000" + std::to_string(i + 1) + "-of-00002.gguf";
        std::ofstream(folder.dir / name, std::ios::binary) << header.bytes() << data;
    };
    part(0, n_first, 0, true);
    part(n_first, file->tensors.size(), 1, false);
    check_against_fixture(*load(folder.dir / "m-00001-of-00002.gguf"), "official-layout");
    const auto second = Model::load(folder.dir / "m-00002-of-00002.gguf", {});
    REQUIRE_FALSE(second);
    CHECK_THAT(second.error().detail, Contains("name the one that ends in -00001-of-00002.gguf"));
    std::filesystem::remove(folder.dir / "m-00002-of-00002.gguf");
    const auto alone = Model::load(folder.dir / "m-00001-of-00002.gguf", {});
    REQUIRE_FALSE(alone);
    CHECK(alone.error().code == Errc::file_missing);
}
