// The model that stands in the repository.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "engine/model/forward.h"
#include "engine/tokenizer/tokenizer.h"

using namespace engine;

namespace {

const std::filesystem::path kDir = std::filesystem::path(WEIR_SOURCE_DIR) / "engine/demo/model";

}  // namespace

TEST_CASE("demo model: small, with every mechanism, and a tokenizer that fits", "[engine][demo]") {
    const auto model = Model::load(kDir, Dtype::bf16);
    INFO((model ? "" : model.error().detail));
    REQUIRE(model);
    const ModelConfig& config = (*model)->config();
    std::set<AttentionKind> kinds;
    std::set<bool> routers;
    for (const auto& layer : config.layers) {
        kinds.insert(layer.attention);
        routers.insert(layer.hash_routed);
    }
    CHECK(kinds.size() == 3);
    CHECK(routers.size() == 2);
    CHECK(config.n_hc == 4);
    CHECK(config.n_ctx_max >= 8192);
    CHECK(std::filesystem::file_size(kDir / "model.safetensors") <= 12'000'000);

    const auto tokenizer = Tokenizer::open(kDir / "tokenizer.json");
    INFO((tokenizer ? "" : tokenizer.error().detail));
    REQUIRE(tokenizer);
    CHECK((*tokenizer)->n_ids() == config.n_vocab);
    CHECK((*tokenizer)->token_id("<｜begin▁of▁sentence｜>") == config.bos_token);
    CHECK((*tokenizer)->token_id("<｜end▁of▁sentence｜>") == config.eos_token);
    for (const char* token : {"<｜User｜>", "<｜Assistant｜>", "<think>", "</think>", "｜DSML｜"}) {
        CHECK((*tokenizer)->token_id(token).has_value());
    }
    std::vector<int32_t> tokens;
    REQUIRE((*tokenizer)->encode_text("What does the gateway do with a token?", 100, tokens));
    CHECK(tokens.size() < 16);  // words of its own text are whole tokens
}

TEST_CASE("demo model: a context of 8,192 tokens", "[engine][demo][.slow]") {
    const auto model = Model::load(kDir, Dtype::bf16);
    REQUIRE(model);
    constexpr int64_t kContext = 8192;
    kernels::ThreadPool pool(2);
    Workspace workspace(**model, pool, {.n_tokens_max = 256, .n_ctx = kContext});
    KvState kv((*model)->config(), kContext);
    const auto n_vocab = static_cast<size_t>((*model)->config().n_vocab);
    std::vector<float> logits(n_vocab);
    std::vector<int32_t> tokens(256);
    for (int64_t begin = 0; begin < kContext; begin += 256) {
        for (size_t i = 0; i < tokens.size(); ++i) {
            tokens[i] = static_cast<int32_t>((static_cast<size_t>(begin) + i) * 7919 % n_vocab);
        }
        const SequenceChunk chunk{&kv, tokens, LogitsWanted::last, logits.data()};
        forward(**model, workspace, {&chunk, 1});
        for (const float x : logits) REQUIRE(std::isfinite(x));
    }
    CHECK(kv.n_tokens() == kContext);
}
