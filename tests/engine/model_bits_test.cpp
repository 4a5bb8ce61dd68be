// However tokens are fed, the same bits come out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "tests/engine/model_fixture.h"
#include "tests/support/sanitized.h"

using namespace model_test;

namespace {

using Chunks = std::vector<int64_t>;

Chunks random_chunks(std::mt19937& random, int64_t n_tokens) {
    Chunks chunks;
    // Small and large pieces, so that windows close inside, at and across edges.
    const int64_t largest = std::uniform_int_distribution<int64_t>(1, 140)(random);
    while (n_tokens > 0) {
        const int64_t n =
            std::min(std::uniform_int_distribution<int64_t>(1, largest)(random), n_tokens);
        chunks.push_back(n);
        n_tokens -= n;
    }
    return chunks;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// A shape with every mechanism and odd sizes: chunks that no tile divides.
std::string mixed_config() {
    auto config = read_json("v4-fx07.json").at("config");
    config["hidden_size"] = 70;
    config["moe_intermediate_size"] = 37;
    config["q_lora_rank"] = 45;
    config["hc_mult"] = 3;
    config["compress_rates"] = {{"compressed_sparse_attention", 3},
                                {"heavily_compressed_attention", 11}};
    config["num_experts_per_tok"] = 3;
    return config.dump();
}

std::vector<int32_t> random_tokens(std::mt19937& random, int64_t n, int64_t n_vocab) {
    std::uniform_int_distribution<int32_t> id(0, static_cast<int32_t>(n_vocab - 1));
    std::vector<int32_t> tokens(static_cast<size_t>(n));
    for (auto& token : tokens) token = id(random);
    return tokens;
}

struct Case {
    std::unique_ptr<engine::Model> model;
    std::vector<int32_t> tokens;
};

Case tiny_case(engine::Dtype dtype) {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    return {synthetic_model(config_of(read_json("v4-tiny.config.json")), "s44/", dtype),
            golden.tokens};
}

Case mixed_case(const engine::ModelOptions& options) {
    const auto config = engine::parse_model_config(mixed_config());
    REQUIRE(config);
    std::mt19937 random(7);
    return {synthetic_model(*config, "mixed/", options),
            random_tokens(random, 200, config->n_vocab)};
}

// FP8, FP4 and bf16 matrices.
Case quantised_case() {
    auto model = engine::Model::load(fixture_path("official-quantised"), fast_options());
    REQUIRE(model);
    std::mt19937 random(8);
    auto tokens = random_tokens(random, 200, (*model)->config().n_vocab);
    return {std::move(*model), std::move(tokens)};
}

std::vector<engine::kernels::Isa> isas() {
    using engine::kernels::Isa;
    std::vector<Isa> all;
    for (const Isa isa : engine::kernels::kIsas) {
        if (isa <= engine::kernels::best_isa()) all.push_back(isa);
    }
    return all;
}

void check_chunkings(const Case& c, engine::kernels::Isa isa) {
    const auto n = static_cast<int64_t>(c.tokens.size());
    Runner runner(*c.model, 1, n, n, isa);
    const auto whole = runner.run_whole(c.tokens);
    runner.kv.reset();
    CHECK(same_bits(runner.run(c.tokens, Chunks(static_cast<size_t>(n), 1)), whole));
    std::mt19937 random(20);
    for (int i = 0; i < (support::kSanitized ? 2 : 20); ++i) {
        runner.kv.reset();
        CHECK(same_bits(runner.run(c.tokens, random_chunks(random, n)), whole));
    }
}

void check_threads(const Case& c) {
    const auto n = static_cast<int64_t>(c.tokens.size());
    Runner single(*c.model, 1, n, n);
    const auto expected = single.run_whole(c.tokens);
    for (const int n_threads : {2, 3, 5}) {
        Runner runner(*c.model, n_threads, n, n);
        std::mt19937 random(5);
        CHECK(same_bits(runner.run(c.tokens, random_chunks(random, n)), expected));
    }
}

void check_batches(const Case& c) {
    const engine::ModelConfig& config = c.model->config();
    constexpr size_t kSequences = 6;
    constexpr int64_t kTokens = 90;
    const auto width = static_cast<size_t>(config.n_vocab);
    std::mt19937 random(3);

    struct Sequence {
        std::vector<int32_t> tokens;
        std::vector<float> expected, logits;
        engine::KvState kv;
        int64_t n_fed = 0;
    };
    Runner alone(*c.model, 1, kTokens, kTokens);
    std::vector<Sequence> sequences;
    for (size_t i = 0; i < kSequences; ++i) {
        sequences.push_back(
            {random_tokens(random, kTokens, config.n_vocab), {}, {}, {config, kTokens}});
        alone.kv.reset();
        sequences.back().expected = alone.run_whole(sequences.back().tokens);
        sequences.back().logits.resize(sequences.back().expected.size());
    }

    // Each step some of them bring one token or a chunk, in any order, until all are through.
    Runner together(*c.model, 2, 64, kTokens);
    for (bool left = true; left;) {
        left = false;
        std::vector<engine::SequenceChunk> batch;
        std::shuffle(sequences.begin(), sequences.end(), random);
        int64_t room = 64;
        for (auto& s : sequences) {
            const int64_t n_left = kTokens - s.n_fed;
            left |= n_left > 0;
            const int64_t wanted = random() % 2 == 0 ? 1 : static_cast<int64_t>(random() % 30);
            const int64_t n = std::min({wanted, n_left, room});
            if (n == 0) continue;
            batch.push_back(
                {&s.kv,
                 std::span(s.tokens).subspan(static_cast<size_t>(s.n_fed), static_cast<size_t>(n)),
                 engine::LogitsWanted::all,
                 s.logits.data() + static_cast<size_t>(s.n_fed) * width});
            s.n_fed += n;
            room -= n;
        }
        engine::forward(*c.model, together.workspace, batch);
    }
    for (const auto& s : sequences) CHECK(same_bits(s.logits, s.expected));
}

}  // namespace

TEST_CASE("bits: token by token and 20 random chunkings equal the whole prompt",
          "[engine][model]") {
    for (const auto isa : isas()) {
        INFO(engine::kernels::to_string(isa));
        check_chunkings(mixed_case(engine::Dtype::bf16), isa);
        check_chunkings(mixed_case(fast_options()), isa);
        check_chunkings(quantised_case(), isa);
    }
    check_chunkings(mixed_case(engine::Dtype::f32), engine::kernels::best_isa());
    check_chunkings(tiny_case(engine::Dtype::f32), engine::kernels::best_isa());
}

TEST_CASE("bits: any number of threads gives the same", "[engine][model][threads]") {
    check_threads(mixed_case(engine::Dtype::bf16));
    check_threads(mixed_case(fast_options()));
    check_threads(quantised_case());
}

TEST_CASE("bits: sequences in one batch do not see each other", "[engine][model]") {
    check_batches(mixed_case(engine::Dtype::bf16));
    check_batches(mixed_case(fast_options()));
    check_batches(quantised_case());
}

TEST_CASE("bits: logits of the last token alone, or of none, change nothing", "[engine][model]") {
    const Case c = mixed_case(engine::Dtype::f32);
    const auto n = static_cast<int64_t>(c.tokens.size());
    const auto width = static_cast<size_t>(c.model->config().n_vocab);
    Runner runner(*c.model, 2, n, n);
    const auto whole = runner.run_whole(c.tokens);
    runner.kv.reset();
    std::vector<float> last(width);
    const engine::SequenceChunk first{&runner.kv, std::span(c.tokens).first(100),
                                      engine::LogitsWanted::none, nullptr};
    const engine::SequenceChunk second{&runner.kv, std::span(c.tokens).subspan(100),
                                       engine::LogitsWanted::last, last.data()};
    engine::forward(*c.model, runner.workspace, {&first, 1});
    CHECK(runner.kv.n_tokens() == 100);
    engine::forward(*c.model, runner.workspace, {&second, 1});
    CHECK(runner.kv.n_tokens() == n);
    CHECK(same_bits(last, std::span(whole).last(width)));
}

TEST_CASE("bits: a reset sequence forgets what it held", "[engine][model]") {
    const Case c = mixed_case(engine::Dtype::f32);
    const auto n = static_cast<int64_t>(c.tokens.size());
    Runner fresh(*c.model, 1, n, n);
    const auto head = std::span(c.tokens).first(50);
    const auto expected = fresh.run_whole(head);
    Runner used(*c.model, 1, n, n);
    std::vector<int32_t> other(c.tokens.rbegin(), c.tokens.rend());
    used.run_whole(other);
    used.kv.reset();
    CHECK(same_bits(used.run_whole(head), expected));
}
