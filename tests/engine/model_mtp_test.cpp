// The draft block against the stored run, and in any chunking.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/model/mtp.h"
#include "tests/engine/model_fixture.h"
#include "tests/support/synthetic_weights.h"

using namespace engine;
using namespace model_test;

namespace {

std::unique_ptr<Model> drafting_model(Roundings roundings = Roundings::none) {
    const auto config = config_of(read_json("v4-tiny.config.json"));
    ModelOptions options;
    options.with_mtp = true;
    options.roundings = roundings;
    auto model = Model::from_source(
        config, support::synthetic_tensors(config, {.prefix = "s44/", .with_mtp = true}), options);
    INFO((model ? "" : model.error().detail));
    REQUIRE(model);
    return std::move(*model);
}

// Draft logits of every position but the last, fed in chunks of n_chunk.
std::vector<float> draft(const Model& model, std::span<const int32_t> tokens, size_t n_chunk) {
    const auto n = static_cast<int64_t>(tokens.size());
    const auto width = static_cast<size_t>(model.config().n_vocab);
    Runner runner(model, 2, n, n);
    KvState kv(mtp_config(model.config()), n);
    std::vector<float> logits((tokens.size() - 1) * width, NAN);
    for (size_t begin = 0; begin < tokens.size(); begin += n_chunk) {
        const size_t end = std::min(begin + n_chunk, tokens.size());
        const SequenceChunk chunk{&runner.kv, tokens.subspan(begin, end - begin),
                                  LogitsWanted::none, nullptr};
        forward(model, runner.workspace, {&chunk, 1});
        const size_t n_known = std::min(end, tokens.size() - 1) - begin;
        const MtpChunk drafted{&kv, tokens.subspan(begin + 1, n_known), LogitsWanted::all,
                               logits.data() + begin * width};
        mtp_forward(model, runner.workspace, {&drafted, 1});
    }
    CHECK(kv.n_tokens() == n - 1);
    return logits;
}

}  // namespace

TEST_CASE("mtp: stored logits of v4-tiny", "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto model = drafting_model();
    const auto logits = draft(*model, golden.tokens, golden.tokens.size());
    const auto width = static_cast<size_t>(model->config().n_vocab);
    size_t n_positions = 0;
    for (const auto& [pos, stored] : golden.stored.at("mtp_logits").items()) {
        INFO("position " << pos);
        check_position(stored, std::span(logits).subspan(std::stoul(pos) * width, width));
        ++n_positions;
    }
    CHECK(n_positions == 8);
}

TEST_CASE("mtp: the same bits in any chunking", "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto tokens = std::span<const int32_t>(golden.tokens).first(70);
    const auto model = drafting_model(GENERATE(Roundings::none, Roundings::official));
    const auto whole = draft(*model, tokens, tokens.size());
    CHECK(draft(*model, tokens, 1) == whole);
    CHECK(draft(*model, tokens, 23) == whole);
}

TEST_CASE("mtp: sequences in one batch, and one that has nothing to draft", "[engine][model]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const std::span<const int32_t> tokens = golden.tokens;
    const auto model = drafting_model();
    const auto width = static_cast<size_t>(model->config().n_vocab);
    const auto alone_a = draft(*model, tokens.first(21), 21);
    const auto alone_c = draft(*model, tokens.subspan(50, 9), 9);

    Runner runner(*model, 1, 64, 64);
    KvState kv_b(model->config(), 64);
    KvState kv_c(model->config(), 64);
    const SequenceChunk chunks[] = {
        {&runner.kv, tokens.first(21), LogitsWanted::none, nullptr},
        {&kv_b, tokens.subspan(100, 5), LogitsWanted::none, nullptr},
        {&kv_c, tokens.subspan(50, 9), LogitsWanted::none, nullptr},
    };
    forward(*model, runner.workspace, chunks);
    const auto config = mtp_config(model->config());
    KvState mtp_a(config, 64);
    KvState mtp_b(config, 64);
    KvState mtp_c(config, 64);
    std::vector<float> a(20 * width);
    std::vector<float> c(width);
    const MtpChunk drafts[] = {
        {&mtp_a, tokens.subspan(1, 20), LogitsWanted::all, a.data()},
        {&mtp_b, {}, LogitsWanted::last, nullptr},
        {&mtp_c, tokens.subspan(51, 8), LogitsWanted::last, c.data()},
    };
    mtp_forward(*model, runner.workspace, drafts);
    CHECK(a == alone_a);
    CHECK(std::equal(c.begin(), c.end(), alone_c.end() - static_cast<std::ptrdiff_t>(width)));
    CHECK(mtp_b.n_tokens() == 0);
}
