// Batch sequences give way to interactive ones, and say what they would have said.
#include <algorithm>
#include <random>

#include "tests/engine/scheduler_fixture.h"

using namespace engine;

namespace {

struct Request {
    Prompt prompt;
    Sampling sampling;
    Terms terms;
};

std::vector<Request> random_requests(size_t n) {
    std::mt19937 random(29);
    std::vector<Request> requests;
    for (size_t i = 0; i < n; ++i) {
        Request request{prompt_of(1 + random() % 90, static_cast<int32_t>(random() % 400)),
                        {},
                        {1 + static_cast<int64_t>(random() % 60), random() % 3,
                         i < n / 2 ? Priority::batch : Priority::interactive}};
        request.sampling.seed = random();
        request.sampling.logprobs = random() % 2 == 0;
        requests.push_back(std::move(request));
    }
    return requests;
}

Result<SequenceId> submit(Scheduler& scheduler, const Request& request, TokenSink& sink) {
    return scheduler.submit(request.prompt, request.sampling, request.terms, sink);
}

bool same_usage(const TokenUsage& a, const TokenUsage& b) {
    return a.n_prompt == b.n_prompt && a.n_output == b.n_output && a.n_reasoning == b.n_reasoning;
}

}  // namespace

TEST_CASE("scheduler: an interactive sequence takes the place of a batch one, which goes on later",
          "[engine][threads]") {
    SchedulerConfig config;
    config.n_sequences_max = 1;
    Sampling seeded;
    seeded.seed = 3;
    RecordingSink alone, batch, interactive;
    {
        Bench bench(config);
        REQUIRE(bench.start().submit(prompt_of(40), seeded, {900, 1}, alone));
        alone.wait_for_end();
    }
    Bench bench(config);
    bool went_in_between = true;
    interactive.room = [&] {
        const Stats stats = bench.scheduler->stats();
        went_in_between = went_in_between && batch.n_ends() == 0 && stats.n_sequences_aside == 1 &&
                          stats.n_sequences_live == 2;
        return true;
    };
    int n_steps = 0;
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk>) {
        if (++n_steps == 20) {
            REQUIRE(bench.scheduler->submit(prompt_of(7), {}, {30, 1}, interactive));
        }
    };
    auto& scheduler = bench.start();
    REQUIRE(scheduler.submit(prompt_of(40), seeded, {900, 1, Priority::batch}, batch));
    batch.wait_for_end();
    CHECK(interactive.n_ends() == 1);
    CHECK(interactive.usage().n_output > 0);
    CHECK(went_in_between);
    CHECK(batch.text() == alone.text());
    CHECK(same_usage(batch.usage(), alone.usage()));
    CHECK(scheduler.stats().n_prefill_tokens == 40 + 7);  // nothing was computed twice
    CHECK(scheduler.stats().n_evictions == 0);
}

TEST_CASE("scheduler: whoever gives way to whom, each says what it says alone",
          "[engine][threads]") {
    const std::vector<Request> requests = random_requests(60);
    std::vector<RecordingSink> alone(requests.size());
    {
        Bench bench;
        auto& scheduler = bench.start();
        for (size_t i = 0; i < requests.size(); ++i) {
            REQUIRE(submit(scheduler, requests[i], alone[i]));
            alone[i].wait_for_end();
        }
    }
    SchedulerConfig config;
    config.n_sequences_max = 3;
    config.n_prefill_tokens = 16;
    config.kv_bytes_max = 450;  // the scripted decoder takes a byte a token
    std::vector<RecordingSink> sinks(requests.size());
    Bench bench(config);
    size_t next = requests.size() / 2;
    int n_steps = 0;
    int n_aside_max = 0;
    bench.decoder.on_step = [&](std::span<const Decoder::Chunk>) {
        n_aside_max = std::max(n_aside_max, bench.scheduler->stats().n_sequences_aside);
        if (++n_steps == 1) {
            for (size_t i = 1; i < requests.size() / 2; ++i) {
                REQUIRE(submit(*bench.scheduler, requests[i], sinks[i]));
            }
        }
        if (n_steps % 9 != 0 || next == requests.size()) return;
        REQUIRE(submit(*bench.scheduler, requests[next], sinks[next]));
        ++next;
    };
    auto& scheduler = bench.start();
    REQUIRE(submit(scheduler, requests[0], sinks[0]));  // the others follow within its steps
    for (size_t i = 0; i < requests.size(); ++i) {
        sinks[i].wait_for_end();
        CAPTURE(i);
        CHECK(sinks[i].n_ends() == 1);
        CHECK(sinks[i].text() == alone[i].text());
        CHECK(sinks[i].reason() == alone[i].reason());
        CHECK(same_usage(sinks[i].usage(), alone[i].usage()));
    }
    CHECK(n_aside_max > 0);
    CHECK(scheduler.stats().n_evictions > 0);
    CHECK(scheduler.stats().n_sequences_live == 0);
}

TEST_CASE("scheduler: a sequence that was put aside can be cancelled, and ends with the scheduler",
          "[engine][threads]") {
    std::vector<RecordingSink> sinks(3);
    {
        SchedulerConfig config;
        config.n_sequences_max = 2;
        sinks[2].room = [] { return false; };
        Bench bench(config);
        auto& scheduler = bench.start();
        std::vector<SequenceId> ids;
        for (size_t i = 0; i < 2; ++i) {
            sinks[i].room = [] { return false; };
            const auto id =
                scheduler.submit(prompt_of(10), {}, {500, i, Priority::batch}, sinks[i]);
            REQUIRE(id);
            ids.push_back(*id);
            sinks[i].wait_for_deltas(1);
        }
        REQUIRE(scheduler.submit(prompt_of(10), {}, {500, 7}, sinks[2]));
        sinks[2].wait_for_deltas(1);
        CHECK(scheduler.stats().n_sequences_aside == 1);
        scheduler.cancel(ids[1]);  // the last to come in went
        sinks[1].wait_for_end();
        CHECK(sinks[1].reason() == FinishReason::cancelled);
        CHECK(sinks[1].usage().n_prompt == 10);
        CHECK(scheduler.stats().n_sequences_aside == 0);
        std::vector<RecordingSink> more(1);
        RecordingSink& last = more[0];
        last.room = [] { return false; };
        REQUIRE(scheduler.submit(prompt_of(10), {}, {500, 7}, last));
        last.wait_for_deltas(1);
        CHECK(scheduler.stats().n_sequences_aside == 1);
        bench.scheduler.reset();
        CHECK(last.n_ends() == 1);
    }
    for (const auto& sink : sinks) CHECK(sink.n_ends() == 1);
}
