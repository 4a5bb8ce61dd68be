// What earlier prompts left behind: reused by their owner only, to the bit, within the bound.
#include <catch2/catch.hpp>
#include <random>

#include "engine/model/kv_snapshot.h"
#include "engine/scheduler/prefix_cache.h"
#include "tests/engine/model_fixture.h"
#include "tests/support/sanitized.h"

using namespace engine;
using namespace model_test;

namespace {

constexpr int64_t kBlock = 128;
constexpr int64_t kLarge = 64 << 20;

struct Tiny {
    std::vector<int32_t> tokens = read_fixture("v4-tiny.golden.json").tokens;
    std::unique_ptr<Model> model =
        synthetic_model(config_of(read_json("v4-tiny.config.json")), "s44/", Dtype::bf16);

    std::span<const int32_t> first(int64_t n) const {
        return std::span(tokens).first(static_cast<size_t>(n));
    }
    Runner runner(KvFormat format = KvFormat::f32) const {
        return Runner(*model, 1, 272, 272, kernels::best_isa(), format);
    }
};

bool same(std::span<const float> a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

TEST_CASE("prefix cache: the same logits with and without reuse", "[engine][model]") {
    const Tiny tiny;
    CHECK(kv_block_tokens(tiny.model->config()) == kBlock);
    for (const KvFormat format : {KvFormat::f32, KvFormat::bf16, KvFormat::official}) {
        INFO(to_string(format));
        PrefixCache cache(kLarge, kBlock);
        Runner whole = tiny.runner(format);
        const auto expected = whole.run_whole(tiny.tokens);
        Runner before = tiny.runner(format);
        CHECK(cache.restore(1, tiny.tokens, before.kv).keep_at == std::array<int64_t, 2>{0, 256});
        before.run_whole(tiny.first(256));
        cache.keep(1, tiny.first(256), before.kv);
        CHECK(cache.bytes() > 0);
        CHECK(cache.resident(1, tiny.tokens) == 256);
        CHECK(cache.resident(1, tiny.first(256)) == 0);  // never all of a prompt
        CHECK(cache.resident(2, tiny.tokens) == 0);

        Runner after = tiny.runner(format);
        const Decoder::Reuse reuse = cache.restore(1, tiny.tokens, after.kv);
        CHECK(reuse.n_tokens == 256);
        CHECK(reuse.keep_at == std::array<int64_t, 2>{});
        CHECK(after.kv.n_tokens() == 256);
        const auto rest = after.run_whole(std::span(tiny.tokens).subspan(256));
        CHECK(same(rest, std::span(expected).last(rest.size())));
    }
}

TEST_CASE("prefix cache: another owner, and other tokens, find nothing", "[engine][model]") {
    const Tiny tiny;
    PrefixCache cache(kLarge, kBlock);
    Runner runner = tiny.runner();
    runner.run_whole(tiny.first(256));
    cache.keep(1, tiny.first(256), runner.kv);
    runner.kv.reset();
    CHECK(cache.restore(2, tiny.tokens, runner.kv).n_tokens == 0);
    auto other = tiny.tokens;
    other[200] ^= 1;
    const Decoder::Reuse parted = cache.restore(1, other, runner.kv);
    CHECK(parted.n_tokens == 0);
    CHECK(parted.keep_at == std::array<int64_t, 2>{128, 256});
    // Never all of a prompt: its last token's logits are wanted.
    CHECK(cache.restore(1, tiny.first(256), runner.kv).n_tokens == 0);
    CHECK(runner.kv.n_tokens() == 0);

    runner.run_whole(tiny.first(128));
    cache.keep(1, tiny.first(128), runner.kv);
    runner.kv.reset();
    CHECK(cache.restore(1, other, runner.kv).n_tokens == 128);
}

TEST_CASE("prefix cache: within its bound, what was longest unused goes first", "[engine][model]") {
    const Tiny tiny;
    Runner runner = tiny.runner();
    runner.run_whole(tiny.first(128));
    PrefixCache one(kLarge, kBlock);
    one.keep(1, tiny.first(128), runner.kv);
    const int64_t bytes = one.bytes();

    PrefixCache none(bytes - 1, kBlock);
    none.keep(1, tiny.first(128), runner.kv);
    CHECK(none.bytes() == 0);

    PrefixCache two(2 * bytes, kBlock);
    const auto finds = [&](uint64_t owner) {
        runner.kv.reset();
        return two.restore(owner, tiny.tokens, runner.kv).n_tokens == 128;
    };
    for (const uint64_t owner : {1u, 2u}) two.keep(owner, tiny.first(128), runner.kv);
    CHECK(two.bytes() == 2 * bytes);
    CHECK(finds(1));
    two.keep(3, tiny.first(128), runner.kv);
    CHECK(two.bytes() == 2 * bytes);
    CHECK(two.resident(2, tiny.tokens) == 0);
    CHECK_FALSE(finds(2));
    CHECK(finds(1));
    CHECK(finds(3));
}

TEST_CASE("snapshot: put aside and taken up again at any token, the same bits", "[engine][model]") {
    const Tiny tiny;
    std::mt19937 random(4);
    const uint32_t n_part_max = support::kSanitized ? 150 : 40;
    const uint32_t n_others_max = support::kSanitized ? 10 : 200;
    for (const kernels::Isa isa : {kernels::Isa::portable, kernels::best_isa()}) {
        if (support::kSanitized && isa != kernels::best_isa()) continue;
        for (const KvFormat format : {KvFormat::f32, KvFormat::bf16, KvFormat::official}) {
            Runner whole(*tiny.model, 1, 272, 272, isa, format);
            const auto expected = whole.run_whole(tiny.tokens);
            Runner runner(*tiny.model, 1, 272, 272, isa, format);
            std::vector<float> logits;
            for (size_t begin = 0; begin < tiny.tokens.size();) {
                const size_t n = std::min(tiny.tokens.size() - begin, 1 + random() % n_part_max);
                const auto part = runner.run_whole(std::span(tiny.tokens).subspan(begin, n));
                logits.insert(logits.end(), part.begin(), part.end());
                begin += n;
                const KvSnapshot aside(runner.kv);
                // Somebody else's tokens in between.
                runner.kv.reset();
                runner.run_whole(tiny.first(1 + static_cast<int64_t>(random() % n_others_max)));
                runner.kv.reset();
                aside.restore(runner.kv);
                CHECK(runner.kv.n_tokens() == aside.n_tokens());
            }
            const bool equal = same(logits, expected);
            CHECK(equal);
        }
    }
}
