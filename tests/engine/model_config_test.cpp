#include <catch2/catch.hpp>

#include "engine/model/tensor_specs.h"
#include "tests/engine/model_fixture.h"

using namespace engine;
using nlohmann::json;

namespace {

json tiny() {
    return model_test::read_json("v4-tiny.config.json");
}

// Refused, and the line names the key and what is wrong.
void check_refused(const json& config, Errc code, const std::string& part) {
    const auto parsed = parse_model_config(config.dump());
    REQUIRE_FALSE(parsed);
    INFO(parsed.error().detail);
    CHECK(parsed.error().code == code);
    CHECK(parsed.error().detail.find(part) != std::string::npos);
    CHECK(parsed.error().detail.find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("config: published and transformers' spelling say the same", "[engine][config]") {
    const auto published = read_model_config(model_test::fixture_path("official-layout"));
    const auto saved = read_model_config(model_test::fixture_path("hf-saved"));
    REQUIRE(published);
    REQUIRE(saved);
    CHECK(*published == *saved);
}

TEST_CASE("config: the published models have the published numbers of parameters",
          "[engine][config]") {
    const auto flash = model_test::config_of(model_test::read_json("v4-flash.config.json"));
    CHECK(n_parameters(flash) == 284'332'240'471);
    CHECK(flash.layers[2] == LayerConfig{AttentionKind::csa, 4, true});
    CHECK(flash.layers[3] == LayerConfig{AttentionKind::hca, 128, false});
    const auto pro = model_test::config_of(model_test::read_json("v4-pro.config.json"));
    CHECK(n_parameters(pro) == 1'572'997'201'763);
    CHECK(pro.layers[0] == LayerConfig{AttentionKind::hca, 128, true});
}

TEST_CASE("config: layer schedules in every spelling", "[engine][config]") {
    json config = tiny();
    config["num_hidden_layers"] = 4;
    SECTION("ratios name the type, rates the number") {
        config["compress_ratios"] = {0, 4, 128, 4, 0};
        config["compress_rates"] = {{"compressed_sparse_attention", 3},
                                    {"heavily_compressed_attention", 5}};
        const auto layers = model_test::config_of(config).layers;
        REQUIRE(layers.size() == 4);
        CHECK(layers[1] == LayerConfig{AttentionKind::csa, 3, false});
        CHECK(layers[2] == LayerConfig{AttentionKind::hca, 5, false});
    }
    SECTION("types win over ratios") {
        config["layer_types"] = {"sliding_attention", "sliding_attention", "sliding_attention",
                                 "heavily_compressed_attention"};
        CHECK(model_test::config_of(config).layers[2].attention == AttentionKind::sliding);
    }
    SECTION("older keys of the rates") {
        config["compress_rate_csa"] = 6;
        config["compress_rate_hca"] = 7;
        const auto layers = model_test::config_of(config).layers;
        CHECK(layers[2].compress_ratio == 6);
        CHECK(layers[3].compress_ratio == 7);
    }
    SECTION("neither: two HCA, then HCA and CSA in turn") {
        config.erase("compress_ratios");
        const auto layers = model_test::config_of(config).layers;
        CHECK(layers[1].attention == AttentionKind::hca);
        CHECK(layers[2].attention == AttentionKind::hca);
        CHECK(layers[3].attention == AttentionKind::csa);
    }
    SECTION("hash layers by type") {
        config["mlp_layer_types"] = {"moe", "hash_moe", "moe", "moe"};
        const auto layers = model_test::config_of(config).layers;
        CHECK_FALSE(layers[0].hash_routed);
        CHECK(layers[1].hash_routed);
    }
}

TEST_CASE("config: the rotary width is cut, never rounded", "[engine][config]") {
    json config = tiny();
    config["head_dim"] = 100;
    config["index_head_dim"] = 100;
    config["partial_rotary_factor"] = 0.29;
    CHECK(model_test::config_of(config).n_rot == 28);
}

TEST_CASE("config: RoPE in every spelling", "[engine][config]") {
    json config = tiny();
    const RopeConfig yarn = model_test::config_of(config).rope_compress;
    CHECK(yarn == RopeConfig{160000, true, 16, 32, 1, 65536});
    SECTION("flat rope_parameters are read like rope_scaling") {
        config["rope_parameters"] = config["rope_scaling"];
        config.erase("rope_scaling");
        CHECK(model_test::config_of(config).rope_compress == yarn);
    }
    SECTION("no scaling: plain RoPE at the compressed base") {
        config["rope_scaling"] = nullptr;
        CHECK(model_test::config_of(config).rope_compress == RopeConfig{160000});
    }
    SECTION("a null factor is the quotient of the contexts") {
        config["rope_scaling"]["factor"] = nullptr;
        CHECK(model_test::config_of(config).rope_compress.factor == 16);
    }
    SECTION("an unknown type") {
        config["rope_scaling"]["type"] = "linear";
        check_refused(config, Errc::unsupported, "linear");
    }
}

TEST_CASE("config: what cannot be is refused by key and value", "[engine][config]") {
    const auto with = [](const char* key, json value) {
        json config = tiny();
        config[key] = std::move(value);
        return config;
    };
    const auto without = [](const char* key) {
        json config = tiny();
        config.erase(key);
        return config;
    };
    check_refused(without("hidden_size"), Errc::file_broken, "hidden_size: missing");
    check_refused(with("hidden_size", 0), Errc::file_broken, "hidden_size: 0");
    check_refused(with("hidden_size", -128), Errc::file_broken, "hidden_size: -128");
    check_refused(with("hidden_size", 128.5), Errc::file_broken, "hidden_size: 128.5");
    check_refused(with("hidden_size", "128"), Errc::file_broken, "hidden_size: \"128\"");
    check_refused(with("hidden_size", int64_t{1} << 40), Errc::file_broken, "hidden_size");
    check_refused(with("vocab_size", 18446744073709551615ull), Errc::file_broken, "vocab_size");
    check_refused(with("num_experts_per_tok", 9), Errc::file_broken, "num_experts_per_tok: 9");
    check_refused(with("o_groups", 3), Errc::file_broken, "o_groups: 3");
    check_refused(with("qk_rope_head_dim", 63), Errc::file_broken, "63");
    check_refused(with("qk_rope_head_dim", 130), Errc::file_broken, "130");
    check_refused(with("index_head_dim", 32), Errc::file_broken, "index_head_dim: 32");
    check_refused(with("hc_mult", 17), Errc::file_broken, "hc_mult: 17");
    check_refused(with("rms_norm_eps", 0), Errc::file_broken, "rms_norm_eps: 0");
    check_refused(with("eos_token_id", 512), Errc::file_broken, "eos_token_id: 512");
    check_refused(with("compress_ratios", {0, 0, 4}), Errc::file_broken, "compress_ratios");
    check_refused(with("compress_ratios", {0, 0, 4, 128, 4, 128, 4, 64}), Errc::file_broken, "64");
    check_refused(with("layer_types", {"full", 1, 1, 1, 1, 1, 1, 1}), Errc::file_broken,
                  "\"full\"");
    check_refused(with("model_type", "llama"), Errc::unsupported, "llama");
    check_refused(with("mlp_bias", true), Errc::unsupported, "mlp_bias: true");
    check_refused(with("hidden_act", "gelu"), Errc::unsupported, "gelu");
    check_refused(with("scoring_func", "softmax"), Errc::unsupported, "softmax");
    check_refused(with("n_shared_experts", 2), Errc::unsupported, "n_shared_experts: 2");
    check_refused(with("tie_word_embeddings", true), Errc::unsupported, "tie_word_embeddings");
    check_refused(json::array(), Errc::file_broken, "not an object");
}

TEST_CASE("config: text that is no strict JSON", "[engine][config]") {
    for (const char* text : {"", "{", "{\"a\":1,\"a\":2}", "{} x", "{\"a\":\"\xff\"}"}) {
        const auto parsed = parse_model_config(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == Errc::file_broken);
    }
    const std::string deep(100000, '[');
    CHECK_FALSE(parse_model_config(deep));
}

TEST_CASE("config: a folder without one", "[engine][config]") {
    const auto config = read_model_config("no/such/folder");
    REQUIRE_FALSE(config);
    CHECK(config.error().code == Errc::file_missing);
    CHECK(config.error().detail.starts_with("no/such/folder/config.json: "));
}
