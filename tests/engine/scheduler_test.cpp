#include "engine/scheduler/scheduler.h"

#include <random>

#include "tests/engine/calls_fixture.h"
#include "tests/engine/scheduler_fixture.h"

using namespace engine;

namespace {

struct Request {
    Prompt prompt;
    Sampling sampling;
    int64_t n_output_max;
};

std::vector<Request> random_requests(size_t n) {
    std::mt19937 random(17);
    std::vector<Request> requests;
    for (size_t i = 0; i < n; ++i) {
        Request request{
            prompt_of(1 + random() % 90, static_cast<int32_t>(random() % 400), random() % 2 == 0),
            {},
            1 + static_cast<int64_t>(random() % 60)};
        request.sampling.temperature = random() % 3 == 0 ? 0.f : 1.f;
        request.sampling.top_p = random() % 2 == 0 ? 0.9f : 1.f;
        request.sampling.seed = random();
        if (random() % 2 == 0) request.sampling.stop = {"e", "河"};
        requests.push_back(std::move(request));
    }
    return requests;
}

}  // namespace

TEST_CASE("scheduler: one sequence to its length, counted exactly", "[engine][threads]") {
    RecordingSink sink;
    Bench bench;
    auto& scheduler = bench.start();
    REQUIRE(scheduler.submit(prompt_of(300), {}, {20, 1}, sink));
    sink.wait_for_end();
    CHECK(sink.n_ends() == 1);
    CHECK(sink.reason() == FinishReason::length);
    CHECK(sink.usage().n_prompt == 300);
    CHECK(sink.usage().n_prompt_cached == 0);
    CHECK(sink.usage().n_output == 20);
    CHECK(sink.usage().n_reasoning == 0);
    const Stats stats = scheduler.stats();
    CHECK(stats.n_prefill_tokens == 300);
    CHECK(stats.n_decode_tokens == 20);
    CHECK(stats.n_steps == 2 + 19);  // two chunks; the second brings the first token
    CHECK(stats.n_sequences_live == 0);
    CHECK(stats.n_kv_tokens == 0);
    CHECK(stats.n_cancelled_tokens == 0);
}

TEST_CASE("scheduler: what a prompt shares with its owner's earlier one is not computed again",
          "[engine][threads]") {
    std::vector<RecordingSink> sinks(3);
    SchedulerConfig config;
    config.n_prefill_tokens = 50;
    Bench bench(config);
    bench.decoder.n_keep = 64;
    auto& scheduler = bench.start();
    Sampling sampling;
    sampling.seed = 9;
    const auto ask = [&](size_t i, uint64_t owner) {
        REQUIRE(scheduler.submit(prompt_of(200), sampling, {20, owner}, sinks[i]));
        sinks[i].wait_for_end();
        return sinks[i].usage();
    };
    CHECK(ask(0, 1).n_prompt_cached == 0);
    CHECK(ask(1, 2).n_prompt_cached == 0);  // another owner
    CHECK(ask(2, 1).n_prompt_cached == 192);
    CHECK(sinks[2].usage().n_prompt == 200);
    CHECK(sinks[2].text() == sinks[0].text());
    CHECK(scheduler.stats().n_cached_tokens == 192);
    CHECK(scheduler.stats().n_prefill_tokens == 200 + 200 + 8);
}

TEST_CASE("scheduler: EOS ends and is not counted; </think> counts as reasoning",
          "[engine][threads]") {
    RecordingSink sink;
    Bench bench;
    bench.decoder.forced = {{13, small_controls()[Control::think_end]},
                            {17, small_controls()[Control::eos]}};
    auto& scheduler = bench.start();
    Sampling greedy;
    greedy.temperature = 0;
    REQUIRE(scheduler.submit(prompt_of(10, 5, true), greedy, {100, 1}, sink));
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::stop);
    CHECK(sink.usage().n_output == 7);
    CHECK(sink.usage().n_reasoning == 4);
    CHECK_FALSE(sink.reasoning().empty());
    CHECK_FALSE(sink.content().empty());
    CHECK(scheduler.stats().n_decode_tokens == 7);
}

TEST_CASE("scheduler: an answer that calls ends with its block", "[engine][threads]") {
    RecordingSink sink;
    CallMemory memory(1 << 20);
    Bench bench;
    const auto tokens = written("so</think>I look.\n\n" + kTwoCalls);
    for (size_t i = 0; i < tokens.size(); ++i) bench.decoder.forced[10 + i] = tokens[i];
    Scheduler scheduler(bench.config, bench.decoder, small_tokenizer(), small_controls(), &memory);
    Prompt prompt = prompt_of(10, 5, true);
    prompt.calls = grammar_of();
    Sampling greedy;
    greedy.temperature = 0;
    REQUIRE(scheduler.submit(prompt, greedy, {5'000, 3}, sink));
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::tool_calls);
    CHECK(sink.text() == "so|I look.");
    CHECK(sink.usage().n_output == static_cast<int64_t>(tokens.size()));
    CHECK(sink.usage().n_calls_cut == 0);
    CallAnswer answer;
    for (const ToolCallDelta& call : sink.calls()) take({{}, {}, {}, {call}}, answer);
    REQUIRE(answer.whole.size() == 2);
    CHECK(answer.whole[0].arguments == kArguments0);
    CHECK(memory.find(3, answer.whole) != nullptr);
    CHECK(memory.find(4, answer.whole) == nullptr);
}

TEST_CASE("scheduler: a call that the limit cuts is counted and never ends", "[engine][threads]") {
    RecordingSink sink;
    Bench bench;
    const auto tokens = written("\n\n" + kTwoCalls);
    for (size_t i = 0; i < tokens.size(); ++i) bench.decoder.forced[10 + i] = tokens[i];
    auto& scheduler = bench.start();
    Prompt prompt = prompt_of(10);
    prompt.calls = grammar_of();
    Sampling greedy;
    greedy.temperature = 0;
    REQUIRE(scheduler.submit(prompt, greedy, {static_cast<int64_t>(tokens.size()) / 3, 3}, sink));
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::length);
    CHECK(sink.usage().n_calls_cut == 1);
    REQUIRE_FALSE(sink.calls().empty());
    for (const ToolCallDelta& call : sink.calls()) CHECK_FALSE(call.ends);
}

TEST_CASE("scheduler: together or alone, each sequence says the same", "[engine][threads]") {
    const std::vector<Request> requests = random_requests(40);
    std::vector<std::string> alone;
    std::vector<TokenUsage> usages;
    for (const Request& request : requests) {
        RecordingSink sink;
        SchedulerConfig config;
        config.n_sequences_max = 1;
        Bench bench(config);
        auto& scheduler = bench.start();
        REQUIRE(
            scheduler.submit(request.prompt, request.sampling, {request.n_output_max, 1}, sink));
        sink.wait_for_end();
        alone.push_back(sink.text());
        usages.push_back(sink.usage());
    }
    std::vector<RecordingSink> sinks(requests.size());
    SchedulerConfig config;
    config.n_sequences_max = 6;
    config.n_prefill_tokens = 32;
    Bench bench(config);
    auto& scheduler = bench.start();
    for (size_t i = 0; i < requests.size(); ++i) {
        REQUIRE(scheduler.submit(requests[i].prompt, requests[i].sampling,
                                 {requests[i].n_output_max, i % 5}, sinks[i]));
    }
    int64_t n_prompt = 0;
    int64_t n_output = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
        sinks[i].wait_for_end();
        CAPTURE(i);
        CHECK(sinks[i].text() == alone[i]);
        CHECK(sinks[i].usage().n_output == usages[i].n_output);
        CHECK(sinks[i].usage().n_reasoning == usages[i].n_reasoning);
        n_prompt += sinks[i].usage().n_prompt;
        n_output += sinks[i].usage().n_output;
    }
    CHECK(scheduler.stats().n_prefill_tokens == n_prompt);
    CHECK(scheduler.stats().n_decode_tokens == n_output);
}

TEST_CASE("scheduler: absent seeds differ from each other", "[engine][threads]") {
    std::vector<RecordingSink> sinks(2);
    Bench bench;
    auto& scheduler = bench.start();
    for (auto& sink : sinks) REQUIRE(scheduler.submit(prompt_of(5), {}, {40, 1}, sink));
    for (auto& sink : sinks) sink.wait_for_end();
    CHECK(sinks[0].text() != sinks[1].text());
}

TEST_CASE("scheduler: no step feeds more than it may, and decoding goes on meanwhile",
          "[engine][threads]") {
    SchedulerConfig config;
    config.n_sequences_max = 3;
    config.n_prefill_tokens = 16;
    std::vector<RecordingSink> sinks(3);
    Bench bench(config);
    bool overfed = false;
    int n_mixed = 0;
    int n_steps = 0;
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk> batch) {
        size_t n_tokens = 0;
        int n_decoding = 0;
        for (const auto& chunk : batch) {
            n_tokens += chunk.tokens.size();
            n_decoding += chunk.tokens.size() == 1;
        }
        overfed = overfed || n_tokens > 16 + 3;
        n_mixed += n_decoding > 0 && n_tokens >= 16;
        if (++n_steps != 2) return;
        // While the first one decodes.
        REQUIRE(bench.scheduler->submit(prompt_of(800), {}, {5, 2}, sinks[1]));
        REQUIRE(bench.scheduler->submit(prompt_of(3), {}, {5, 3}, sinks[2]));
    };
    auto& scheduler = bench.start();
    Sampling seeded;
    seeded.seed = 1;
    REQUIRE(scheduler.submit(prompt_of(2), seeded, {400, 1}, sinks[0]));
    for (auto& sink : sinks) sink.wait_for_end();
    CHECK_FALSE(overfed);
    CHECK(n_mixed > 0);
}

TEST_CASE("scheduler: a long prompt does not hold up a short one", "[engine][threads]") {
    SchedulerConfig config;
    config.n_sequences_max = 2;
    config.n_prefill_tokens = 8;
    RecordingSink heavy;
    RecordingSink light;
    Bench bench(config);
    Scheduler* scheduler = nullptr;
    int n_steps = 0;
    bool submitted = false;
    int n_steps_until_light = 0;
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk>) {
        if (++n_steps == 1)
            submitted = scheduler->submit(prompt_of(6), {}, {1, 2}, light).has_value();
    };
    light.room = [&] {
        n_steps_until_light = n_steps;
        return true;
    };
    scheduler = &bench.start();
    REQUIRE(scheduler->submit(prompt_of(4000), {}, {1, 1}, heavy));
    heavy.wait_for_end();
    REQUIRE(submitted);
    light.wait_for_end();
    CHECK(light.usage().n_output == 1);
    CHECK(n_steps_until_light <= 3);
    CHECK(heavy.usage().n_prompt == 4000);
    CHECK(n_steps == 501);  // 4006 tokens, 8 a step
}

TEST_CASE("scheduler: cancel ends within one step and counts what was thrown away",
          "[engine][threads]") {
    RecordingSink sink;
    Bench bench;
    Scheduler* scheduler = nullptr;
    int n_steps = 0;
    SequenceId id{1};  // the first of a scheduler
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk>) {
        if (++n_steps == 5) scheduler->cancel(id);
    };
    scheduler = &bench.start();
    const auto submitted = scheduler->submit(prompt_of(10), {}, {1000, 1}, sink);
    REQUIRE(submitted);
    REQUIRE(submitted->n == id.n);
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::cancelled);
    CHECK(sink.usage().n_prompt == 10);
    CHECK(sink.usage().n_output == 4);
    const Stats stats = scheduler->stats();
    CHECK(stats.n_steps == 5);
    CHECK(stats.n_cancelled_tokens == 1);
    CHECK(stats.n_decode_tokens == 4);
    CHECK(stats.n_sequences_live == 0);
    scheduler->cancel(id);  // ended: nothing
    scheduler->cancel({77});
    scheduler->resume(id);
    CHECK(sink.n_ends() == 1);
}

TEST_CASE("scheduler: cancel out of a sink comes before the next step", "[engine][threads]") {
    RecordingSink sink;
    Bench bench;
    auto& scheduler = bench.start();
    sink.room = [&] {
        scheduler.cancel({1});
        return true;
    };
    REQUIRE(scheduler.submit(prompt_of(10), {}, {1000, 1}, sink));
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::cancelled);
    CHECK(sink.n_deltas() == 1);
    CHECK(scheduler.stats().n_cancelled_tokens == 0);
}

TEST_CASE("scheduler: cancel during prefill counts the chunks that were fed", "[engine][threads]") {
    SchedulerConfig config;
    config.n_prefill_tokens = 32;
    RecordingSink sink;
    Bench bench(config);
    Scheduler* scheduler = nullptr;
    int n_steps = 0;
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk>) {
        if (++n_steps == 3) scheduler->cancel({1});
    };
    scheduler = &bench.start();
    REQUIRE(scheduler->submit(prompt_of(1000), {}, {10, 1}, sink));
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::cancelled);
    CHECK(sink.usage().n_prompt == 96);
    CHECK(sink.usage().n_output == 0);
    CHECK(scheduler->stats().n_cancelled_tokens == 0);
}

TEST_CASE("scheduler: a parked sequence waits and keeps its place; others go on",
          "[engine][threads]") {
    SchedulerConfig config;
    config.n_sequences_max = 2;
    RecordingSink parked;
    RecordingSink other;
    RecordingSink whole;
    Sampling seeded;
    seeded.seed = 3;
    Bench bench(config);
    auto& scheduler = bench.start();
    REQUIRE(scheduler.submit(prompt_of(10), seeded, {30, 1}, whole));
    whole.wait_for_end();

    int n_left = 5;
    parked.room = [&] { return --n_left > 0; };
    const auto id = scheduler.submit(prompt_of(10), seeded, {30, 1}, parked);
    REQUIRE(id);
    parked.wait_for_deltas(5);
    REQUIRE(scheduler.submit(prompt_of(10), {}, {200, 2}, other));
    other.wait_for_end();
    CHECK(parked.n_deltas() == 5);
    CHECK(parked.n_ends() == 0);
    CHECK(scheduler.stats().n_sequences_live == 1);
    // From now on there is room. The scheduler thread reads `room` only after the resume.
    parked.room = [] { return true; };
    scheduler.resume(*id);
    parked.wait_for_end();
    CHECK(parked.reason() == FinishReason::length);
    CHECK(parked.content() == whole.content());
}

TEST_CASE("scheduler: a parked sequence can be cancelled", "[engine][threads]") {
    RecordingSink sink;
    sink.room = [] { return false; };
    Bench bench;
    auto& scheduler = bench.start();
    const auto id = scheduler.submit(prompt_of(10), {}, {30, 1}, sink);
    REQUIRE(id);
    sink.wait_for_deltas(1);
    scheduler.cancel(*id);
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::cancelled);
    CHECK(sink.n_deltas() == 1);
}

TEST_CASE("scheduler: logprobs stand beside their content", "[engine][threads]") {
    RecordingSink sink;
    Bench bench;
    auto& scheduler = bench.start();
    Sampling sampling;
    sampling.logprobs = true;
    sampling.n_top_logprobs = 3;
    REQUIRE(scheduler.submit(prompt_of(5), sampling, {30, 1}, sink));
    sink.wait_for_end();
    REQUIRE(sink.logprobs().size() == 30);
    std::string bytes;
    for (const TokenLogprob& logprob : sink.logprobs()) {
        bytes += logprob.bytes;
        CHECK(logprob.logprob < 0);
        REQUIRE(logprob.top.size() == 3);
        CHECK(logprob.top[0].second >= logprob.top[1].second);
        CHECK(logprob.top[0].second >= logprob.logprob);
    }
    CHECK(repair_utf8(bytes) == sink.content());
}
