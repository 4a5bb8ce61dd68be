#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>
#include <thread>

#include "tests/engine/scheduler_fixture.h"

using namespace engine;

TEST_CASE("scheduler: a full queue refuses, and frees up again", "[engine][threads]") {
    SchedulerConfig config;
    config.n_sequences_max = 1;
    config.n_queued_max = 2;
    std::vector<RecordingSink> sinks(4);
    sinks[0].room = [] { return false; };  // holds the only place
    Bench bench(config);
    auto& scheduler = bench.start();
    const auto first = scheduler.submit(prompt_of(5), {}, {50, 1}, sinks[0]);
    REQUIRE(first);
    sinks[0].wait_for_deltas(1);
    const auto second = scheduler.submit(prompt_of(5), {}, {5, 1}, sinks[1]);
    REQUIRE(second);
    REQUIRE(scheduler.submit(prompt_of(5), {}, {5, 1}, sinks[2]));
    const auto refused = scheduler.submit(prompt_of(5), {}, {5, 1}, sinks[3]);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::overloaded);
    CHECK(scheduler.stats().n_sequences_waiting == 2);

    scheduler.cancel(*second);  // while it waits
    sinks[1].wait_for_end();
    CHECK(sinks[1].reason() == FinishReason::cancelled);
    CHECK(sinks[1].usage().n_prompt == 0);
    REQUIRE(scheduler.submit(prompt_of(5), {}, {5, 1}, sinks[3]));
    scheduler.cancel(*first);
    for (auto& sink : sinks) sink.wait_for_end();
    CHECK(sinks[3].reason() == FinishReason::length);
}

TEST_CASE("scheduler: a sequence waits until its longest case fits kv_bytes_max",
          "[engine][threads]") {
    SchedulerConfig config;
    config.kv_bytes_max = 100;  // the scripted decoder takes a byte a token
    config.n_sequences_max = 4;
    std::vector<RecordingSink> sinks(4);
    sinks[0].room = [] { return false; };
    Bench bench(config);
    std::atomic<size_t> n_together{0};
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk> batch) {
        n_together = std::max(n_together.load(), batch.size());
    };
    auto& scheduler = bench.start();
    const auto first = scheduler.submit(prompt_of(10), {}, {50, 1}, sinks[0]);
    REQUIRE(first);
    sinks[0].wait_for_deltas(1);
    REQUIRE(scheduler.submit(prompt_of(11), {}, {30, 1}, sinks[1]));  // 1 byte too many
    REQUIRE(scheduler.submit(prompt_of(5), {}, {5, 2}, sinks[2]));    // would fit, comes later
    REQUIRE(scheduler.submit(prompt_of(50), {}, {50, 3}, sinks[3]));  // fits alone
    scheduler.resume(*first);
    sinks[0].wait_for_deltas(2);  // the three were looked at by then
    CHECK(scheduler.stats().n_sequences_live == 1);
    CHECK(scheduler.stats().n_sequences_waiting == 3);
    scheduler.cancel(*first);
    for (auto& sink : sinks) sink.wait_for_end();
    for (size_t i = 1; i < 4; ++i) CHECK(sinks[i].reason() == FinishReason::length);
    CHECK(n_together == 2);
}

TEST_CASE("scheduler: what cannot fit or is out of range is refused", "[engine]") {
    SchedulerConfig config;
    config.n_ctx = 100;
    RecordingSink sink;
    Bench bench(config);
    auto& scheduler = bench.start();
    const auto code = [&](Prompt prompt, int64_t n_output_max, const Sampling& sampling = {}) {
        const auto refused = scheduler.submit(std::move(prompt), sampling, {n_output_max, 1}, sink);
        REQUIRE_FALSE(refused);
        return refused.error().code;
    };
    CHECK(code(prompt_of(101), 1) == Errc::context_exceeded);
    CHECK(code(prompt_of(90), 11) == Errc::context_exceeded);
    CHECK(code(prompt_of(90), INT64_MAX) == Errc::context_exceeded);
    CHECK(code(prompt_of(0), 1) == Errc::prompt_invalid);
    CHECK(code({{-1}, false}, 1) == Errc::prompt_invalid);
    CHECK(code({{100'000}, false}, 1) == Errc::prompt_invalid);
    CHECK(code(prompt_of(5), 0) == Errc::unsupported);
    Sampling bad;
    bad.temperature = -1;
    CHECK(code(prompt_of(5), 5, bad) == Errc::unsupported);
    bad = {};
    bad.top_p = 1.5f;
    CHECK(code(prompt_of(5), 5, bad) == Errc::unsupported);
    bad = {};
    bad.stop = std::vector<std::string>(17, "x");
    CHECK(code(prompt_of(5), 5, bad) == Errc::unsupported);
    CHECK(sink.n_ends() == 0);
    REQUIRE(scheduler.submit(prompt_of(90), {}, {10, 1}, sink));
    sink.wait_for_end();
    CHECK(sink.usage().n_output == 10);
}

TEST_CASE("scheduler: a model without finite logits fails the sequence, not the process",
          "[engine][threads]") {
    RecordingSink sink;
    RecordingSink next;
    Bench bench;
    std::atomic<bool> broken{true};
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk> batch) {
        if (!broken) return;
        const auto n = static_cast<size_t>(bench.decoder.n_vocab());
        for (const auto& chunk : batch) std::fill_n(chunk.logits, n, std::nanf(""));
    };
    auto& scheduler = bench.start();
    REQUIRE(scheduler.submit(prompt_of(5), {}, {5, 1}, sink));
    sink.wait_for_end();
    CHECK(sink.reason() == FinishReason::failed);
    CHECK(sink.usage().n_output == 0);
    broken = false;
    REQUIRE(scheduler.submit(prompt_of(5), {}, {5, 1}, next));
    next.wait_for_end();
    CHECK(next.reason() == FinishReason::length);
}

TEST_CASE("scheduler: destruction cancels each sequence exactly once", "[engine][threads]") {
    std::vector<RecordingSink> sinks(20);
    {
        SchedulerConfig config;
        config.n_sequences_max = 3;
        Bench bench(config);
        auto& scheduler = bench.start();
        for (size_t i = 0; i < sinks.size(); ++i) {
            if (i == 1) sinks[i].room = [] { return false; };
            REQUIRE(scheduler.submit(prompt_of(10), {}, {8000, i % 3}, sinks[i]));
        }
        sinks[0].wait_for_deltas(1);
    }
    // A sequence may have sampled its end by itself before; most were still waiting for a place.
    size_t n_cancelled = 0;
    for (const auto& sink : sinks) {
        CHECK(sink.n_ends() == 1);
        const bool cancelled = sink.reason() == FinishReason::cancelled;
        CHECK((cancelled || sink.reason() == FinishReason::stop));
        n_cancelled += cancelled;
    }
    CHECK(n_cancelled > sinks.size() / 2);
}

TEST_CASE("scheduler: submit while closing is refused", "[engine][threads]") {
    RecordingSink late;
    // Submits another sequence when it hears of its end.
    struct Chain final : TokenSink {
        Scheduler* scheduler = nullptr;
        RecordingSink* late = nullptr;
        std::optional<Errc> refused;
        bool on_delta(TokenDelta&&) override { return false; }
        void on_end(FinishReason, const TokenUsage&) override {
            const auto submitted = scheduler->submit(prompt_of(3), {}, {3, 1}, *late);
            if (!submitted) refused = submitted.error().code;
        }
    } chain;
    {
        Bench bench;
        chain.scheduler = &bench.start();
        chain.late = &late;
        REQUIRE(chain.scheduler->submit(prompt_of(5), {}, {50, 1}, chain));
    }
    CHECK(chain.refused == Errc::shutting_down);
    CHECK(late.n_ends() == 0);
}

TEST_CASE("scheduler: submits, cancels and resumes from many threads end every sequence once",
          "[engine][threads]") {
    constexpr size_t kThreads = 4;
    constexpr size_t kEach = 60;
    std::vector<RecordingSink> sinks(kThreads * kEach);
    std::atomic<int64_t> n_output{0};
    SchedulerConfig config;
    config.n_sequences_max = 4;
    config.n_queued_max = 1000;
    config.n_prefill_tokens = 20;
    Bench bench(config);
    auto& scheduler = bench.start();
    std::vector<std::thread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random(static_cast<unsigned>(t));
            for (size_t i = 0; i < kEach; ++i) {
                RecordingSink& sink = sinks[t * kEach + i];
                const bool parks = random() % 4 == 0;
                if (parks) sink.room = [] { return false; };
                const auto id =
                    scheduler.submit(prompt_of(1 + random() % 60), {},
                                     {1 + static_cast<int64_t>(random() % 30), t}, sink);
                if (!id) std::abort();
                if (parks || random() % 3 == 0) scheduler.resume(*id);
                if (parks || random() % 3 == 0) scheduler.cancel(*id);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    for (auto& sink : sinks) {
        sink.wait_for_end();
        CHECK(sink.n_ends() == 1);
        n_output += sink.usage().n_output;
    }
    CHECK(scheduler.stats().n_decode_tokens == n_output);
    CHECK(scheduler.stats().n_sequences_live == 0);
    CHECK(scheduler.stats().n_sequences_waiting == 0);
}

TEST_CASE("waiting queue: owners take turns, first come first served within one", "[engine]") {
    WaitingQueue queue;
    RecordingSink sink;
    const auto push = [&](uint64_t id, uint64_t owner) {
        AnswerStream answer(small_tokenizer(), small_controls(), false, {});
        queue.push(std::unique_ptr<Sequence>(new Sequence{
            {id}, 1, {}, {1, owner}, &sink, 0, std::move(answer), prompt_of(1).tokens}));
    };
    for (uint64_t id = 1; id <= 4; ++id) push(id, 100);
    push(5, 200);
    push(6, 300);
    push(7, 200);
    CHECK(queue.n() == 7);
    CHECK(queue.take({2}));
    CHECK_FALSE(queue.take({2}));
    std::vector<uint64_t> order;
    while (auto next = queue.pop()) order.push_back(next->id.n);
    CHECK(order == std::vector<uint64_t>{1, 5, 6, 3, 7, 4});
    CHECK(queue.n() == 0);
}
