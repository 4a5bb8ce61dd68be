#include "engine/engine.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "engine/model_tools.h"
#include "engine/tokenizer/utf8.h"
#include "tests/engine/recording_sink.h"
#include "tests/support/tiny_checkpoint.h"

using namespace engine;
using config::Effort;

namespace {

config::Engine config_of(const support::TinyCheckpoint& checkpoint) {
    config::Engine config;
    config.name = "tiny";
    config.model = checkpoint.dir().string();
    config.n_ctx = 512;
    config.n_sequences_max = 4;
    config.n_threads = 2;
    config.n_prefill_tokens = 32;
    return config;
}

std::unique_ptr<Engine> open(const config::Engine& config) {
    auto opened = Engine::open(config);
    if (!opened) FAIL(opened.error().detail);
    return std::move(*opened);
}

Error refusal_of(const config::Engine& config) {
    const auto opened = Engine::open(config);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().detail.find('\n') == std::string::npos);
    CHECK(opened.error().detail.find(config.model) != std::string::npos);
    return opened.error();
}

void rewrite(const std::filesystem::path& file, const std::string& from, const std::string& to) {
    std::ifstream in(file, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    std::ofstream(file, std::ios::binary) << text;
}

struct Ask {
    std::vector<ChatMessage> messages;
    Effort tier = Effort::none;
    Sampling sampling;
    int64_t n_output_max = 0;
};

std::vector<Ask> asks(size_t n) {
    std::mt19937 random(23);
    std::vector<Ask> asks;
    for (size_t i = 0; i < n; ++i) {
        Ask ask;
        std::string text;
        for (size_t words = random() % 60; words > 0; --words) {
            text += random() % 2 ? "the weir " : "holds 12";
        }
        ask.messages = {{Role::system, "Answer.", ""}, {Role::user, text, ""}};
        ask.tier = random() % 2 ? Effort::none : Effort::low;
        ask.sampling.seed = random();
        ask.sampling.temperature = random() % 3 ? 0.8f : 0.f;
        ask.sampling.logprobs = true;
        ask.n_output_max = 1 + random() % 24;
        asks.push_back(std::move(ask));
    }
    return asks;
}

void submit(Engine& engine, const Ask& ask, uint64_t owner, TokenSink& sink) {
    auto prompt = engine.prepare({ask.messages}, ask.tier);
    REQUIRE(prompt);
    REQUIRE(engine.submit(std::move(*prompt), ask.sampling, {ask.n_output_max, owner}, sink));
}

}  // namespace

TEST_CASE("engine: sequences say the same bits alone and together, in any chunks",
          "[engine][threads]") {
    const auto numerics = GENERATE(config::Numerics::exact, config::Numerics::fast);
    const support::TinyCheckpoint checkpoint;
    const std::vector<Ask> all = asks(12);
    std::vector<RecordingSink> alone(all.size());
    std::vector<RecordingSink> together(all.size());
    {
        config::Engine config = config_of(checkpoint);
        config.numerics = numerics;
        config.n_sequences_max = 1;
        config.n_prefill_tokens = 512;
        const auto engine = open(config);
        for (size_t i = 0; i < all.size(); ++i) {
            submit(*engine, all[i], 1, alone[i]);
            alone[i].wait_for_end();
        }
    }
    config::Engine config = config_of(checkpoint);
    config.numerics = numerics;
    config.n_prefill_tokens = 7;
    const auto engine = open(config);
    for (size_t i = 0; i < all.size(); ++i) submit(*engine, all[i], i % 3, together[i]);
    int64_t n_prompt = 0;
    int64_t n_output = 0;
    for (size_t i = 0; i < all.size(); ++i) {
        together[i].wait_for_end();
        CAPTURE(i);
        CHECK(together[i].text() == alone[i].text());
        CHECK(is_utf8(together[i].text()));
        const auto a = alone[i].logprobs();
        const auto b = together[i].logprobs();
        REQUIRE(a.size() == b.size());
        for (size_t k = 0; k < a.size(); ++k) CHECK(a[k].logprob == b[k].logprob);
        const auto prompt = engine->prepare({all[i].messages}, all[i].tier);
        CHECK(together[i].usage().n_prompt == static_cast<int64_t>(prompt->tokens.size()));
        n_prompt += together[i].usage().n_prompt;
        n_output += together[i].usage().n_output;
    }
    CHECK(engine->stats().n_prefill_tokens == n_prompt);
    CHECK(engine->stats().n_decode_tokens == n_output);
    CHECK(n_output > 50);
}

TEST_CASE("engine: a GGUF file says what the folder it was made from says", "[engine]") {
    const support::TinyCheckpoint checkpoint;
    const auto file = checkpoint.dir() / "tiny.gguf";
    REQUIRE(convert_model(checkpoint.dir(), file, {}));
    config::Engine config = config_of(checkpoint);
    config::Engine of_file = config;
    of_file.model = file.string();
    const Ask ask = asks(1)[0];
    std::vector<RecordingSink> sinks(2);
    for (size_t i = 0; i < 2; ++i) {
        const auto engine = open(i == 0 ? config : of_file);
        submit(*engine, ask, 1, sinks[i]);
        sinks[i].wait_for_end();
    }
    CHECK(sinks[0].text() == sinks[1].text());
    CHECK(sinks[0].usage().n_prompt == sinks[1].usage().n_prompt);
    CHECK(tokenize(file, "the weir 12").value() ==
          tokenize(checkpoint.dir(), "the weir 12").value());
    CHECK(context_of(file).value() == context_of(checkpoint.dir()).value());
}

TEST_CASE("engine: a place that was used before is as good as new", "[engine][threads]") {
    const support::TinyCheckpoint checkpoint;
    config::Engine config = config_of(checkpoint);
    config.n_sequences_max = 1;
    const auto engine = open(config);
    const std::vector<Ask> two = asks(2);
    std::vector<RecordingSink> sinks(4);
    for (size_t i = 0; i < sinks.size(); ++i) {
        submit(*engine, two[i % 2], 1, sinks[i]);
        sinks[i].wait_for_end();
    }
    CHECK(sinks[0].text() == sinks[2].text());
    CHECK(sinks[1].text() == sinks[3].text());
}

TEST_CASE("engine: a prompt that begins like an earlier one of its owner says the same, cheaper",
          "[engine][threads]") {
    const auto kv = GENERATE(config::Kv::f32, config::Kv::bf16, config::Kv::official);
    const support::TinyCheckpoint checkpoint;
    config::Engine config = config_of(checkpoint);
    config.kv = kv;
    Ask ask{{{Role::user, std::string(200, '!'), ""}}, Effort::none, {}, 20};
    ask.sampling.seed = 5;
    const auto engine = open(config);
    std::vector<RecordingSink> sinks(4);
    const auto prompt = engine->prepare({ask.messages}, ask.tier);
    REQUIRE(prompt);
    for (size_t i = 0; i < 3; ++i) {
        const uint64_t owner = i == 1 ? 2 : 1;
        CHECK(engine->n_resident(*prompt, owner) == (i == 2 ? 128 : 0));
        submit(*engine, ask, owner, sinks[i]);
        sinks[i].wait_for_end();
        CHECK(sinks[i].text() == sinks[0].text());
        CHECK(sinks[i].usage().n_prompt == sinks[0].usage().n_prompt);
        CHECK(sinks[i].usage().n_prompt_cached == (i == 2 ? 128 : 0));
    }
    CHECK(engine->stats().n_cached_tokens == 128);
    CHECK(engine->stats().n_prefill_tokens == 3 * sinks[0].usage().n_prompt - 128);
    CHECK(engine->stats().prefix_cache_bytes > 0);

    config.prefix_cache_bytes_max = 0;
    const auto without = open(config);
    for (int i = 0; i < 2; ++i) {
        RecordingSink sink;
        submit(*without, ask, 1, sink);
        sink.wait_for_end();
        CHECK(sink.usage().n_prompt_cached == 0);
        CHECK(without->n_resident(*prompt, 1) == 0);
        CHECK(sink.text() == sinks[0].text());
    }
    CHECK(without->stats().prefix_cache_bytes == 0);
}

TEST_CASE("engine: what is resident may be asked while sequences come and go",
          "[engine][threads]") {
    const support::TinyCheckpoint checkpoint;
    const auto engine = open(config_of(checkpoint));
    Ask ask{{{Role::user, std::string(200, '!'), ""}}, Effort::none, {}, 3};
    const auto prompt = engine->prepare({ask.messages}, ask.tier);
    REQUIRE(prompt);
    std::atomic<bool> is_over = false;
    int64_t n_seen = 0;
    std::thread asking([&] {
        while (!is_over || n_seen == 0) n_seen = engine->n_resident(*prompt, 7);
    });
    for (int i = 0; i < 8; ++i) {
        RecordingSink sink;
        submit(*engine, ask, 7, sink);
        sink.wait_for_end();
        ask.messages[0].content += " and more";
    }
    is_over = true;
    asking.join();
    CHECK(n_seen == 128);
}

TEST_CASE("engine: a batch sequence that gave way says the same", "[engine][threads]") {
    const support::TinyCheckpoint checkpoint;
    config::Engine config = config_of(checkpoint);
    config.n_sequences_max = 1;
    config.prefix_cache_bytes_max = 0;
    const auto engine = open(config);
    Ask ask{{{Role::user, "the weir holds 12", ""}}, Effort::none, {}, 300};
    ask.sampling.seed = 12;
    RecordingSink alone, batch, between;
    submit(*engine, ask, 1, alone);
    alone.wait_for_end();
    bool was_aside = false;
    std::optional<SequenceId> other;
    auto prompt = engine->prepare({ask.messages}, ask.tier);
    batch.room = [&] {
        if (!other) other = engine->submit(*prompt, {}, {20, 2}, between).value();
        return true;
    };
    between.room = [&] {
        was_aside = was_aside || engine->stats().n_sequences_aside == 1;
        return true;
    };
    REQUIRE(engine->submit(*prompt, ask.sampling, {300, 1, Priority::batch}, batch));
    batch.wait_for_end();
    between.wait_for_end();
    CHECK(was_aside);
    CHECK(batch.text() == alone.text());
    CHECK(batch.usage().n_output == alone.usage().n_output);
}

TEST_CASE("engine: how KV is held follows numerics and roundings, unless it is said", "[engine]") {
    const support::TinyCheckpoint checkpoint;
    config::Engine config = config_of(checkpoint);
    const auto kv = [&] {
        const std::string name(open(config)->fingerprint());
        const size_t at = name.find("-kv-") + 4;
        return name.substr(at, name.find('-', at) - at);
    };
    CHECK(kv() == "f32");
    config.numerics = config::Numerics::fast;
    CHECK(kv() == "bf16");
    config.roundings = config::Roundings::official;
    config.numerics = config::Numerics::exact;
    CHECK(kv() == "official");
    config.kv = config::Kv::bf16;
    CHECK(kv() == "bf16");
}

TEST_CASE("engine: KV that holds no sequence of n_ctx is refused with what it takes", "[engine]") {
    const support::TinyCheckpoint checkpoint;
    config::Engine config = config_of(checkpoint);
    config.kv_bytes_max = 1'000;
    const Error refused = refusal_of(config);
    CHECK(refused.code == Errc::unsupported);
    const size_t at = refused.detail.find("takes ");
    REQUIRE(at != std::string::npos);
    config.kv_bytes_max = std::stoll(refused.detail.substr(at + 6)) - 1;
    CHECK(refusal_of(config).code == Errc::unsupported);
    ++*config.kv_bytes_max;
    CHECK(open(config)->n_ctx() == 512);
}

TEST_CASE("engine: what does not fit is refused", "[engine]") {
    const support::TinyCheckpoint checkpoint;
    const auto engine = open(config_of(checkpoint));
    CHECK(engine->n_ctx() == 512);
    const auto prompt = engine->prepare({{{Role::user, std::string(5'000, '!')}}}, Effort::none);
    REQUIRE_FALSE(prompt);
    CHECK(prompt.error().code == Errc::context_exceeded);
    const auto none = engine->prepare({}, Effort::none);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::prompt_invalid);

    RecordingSink sink;
    auto fits = engine->prepare({{{Role::user, "hello"}}}, Effort::none);
    REQUIRE(fits);
    CHECK_FALSE(fits->thinking);
    const auto submitted = engine->submit(*fits, {}, {512, 1}, sink);
    REQUIRE_FALSE(submitted);
    CHECK(submitted.error().code == Errc::context_exceeded);
    CHECK(engine->prepare({{{Role::user, "hello"}}}, Effort::high)->thinking);
}

TEST_CASE("engine: closing cancels what runs", "[engine][threads]") {
    const support::TinyCheckpoint checkpoint;
    std::vector<RecordingSink> sinks(6);
    {
        const auto engine = open(config_of(checkpoint));
        Ask ask = asks(1)[0];
        ask.n_output_max = 300;
        for (auto& sink : sinks) {
            ask.sampling.seed = std::nullopt;
            submit(*engine, ask, 1, sink);
        }
        sinks[0].wait_for_deltas(1);
    }
    for (const auto& sink : sinks) CHECK(sink.n_ends() == 1);
}

TEST_CASE("engine: the fingerprint follows the checkpoint", "[engine]") {
    const support::TinyCheckpoint bf16;
    const support::TinyCheckpoint again;
    const support::TinyCheckpoint f32(TensorType::f32);
    const std::string name(open(config_of(bf16))->fingerprint());
    CHECK(name.starts_with("weir-"));
    CHECK(name.find("-bf16-") != std::string::npos);
    CHECK(open(config_of(again))->fingerprint() == name);
    CHECK(open(config_of(f32))->fingerprint().find("-f32-") != std::string::npos);
    rewrite(again.dir() / "config.json", "1e-6", "2e-6");
    CHECK(open(config_of(again))->fingerprint() != name);
}

TEST_CASE("engine: broken checkpoints are refused by what and where", "[engine]") {
    const support::TinyCheckpoint checkpoint;
    config::Engine config = config_of(checkpoint);
    config.n_ctx = 5'000;
    CHECK(refusal_of(config).code == Errc::unsupported);
    config.n_ctx = 512;
    config.model += "/none";
    const Error missing = refusal_of(config);
    CHECK(missing.code == Errc::file_missing);
    CHECK(missing.detail.find("name a checkpoint folder") != std::string::npos);

    const auto broken = [](const char* file, const char* from, const char* to) {
        const support::TinyCheckpoint own;
        rewrite(own.dir() / file, from, to);
        return refusal_of(config_of(own));
    };
    CHECK(broken("config.json", "\"vocab_size\": 576", "\"vocab_size\": 560").code ==
          Errc::file_broken);
    CHECK(broken("config.json", "\"eos_token_id\": 1", "\"eos_token_id\": 2").code ==
          Errc::file_broken);
    CHECK(broken("config.json", "{", "[").code == Errc::file_broken);
    CHECK(broken("tokenizer.json", "<think>", "<thunk>").code == Errc::file_broken);
    CHECK(broken("tokenizer.json", "\"version\"", "version").code == Errc::file_broken);
    CHECK(broken("model.safetensors", "{", "[").code == Errc::file_broken);
    const support::TinyCheckpoint without;
    std::filesystem::remove(without.dir() / "tokenizer.json");
    CHECK(refusal_of(config_of(without)).code == Errc::file_missing);
}
