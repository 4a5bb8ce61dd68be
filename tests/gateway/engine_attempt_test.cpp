#include "gateway/chat/engine_attempt.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace gateway;
using engine::FinishReason;

namespace {

// Records what the attempt asks; the test plays the scheduler.
class ScriptedEngine final : public engine::Engine {
public:
    engine::Result<engine::Prompt> prepare(const engine::Conversation&,
                                           config::Effort) const override {
        return engine::Prompt{};
    }
    engine::Result<engine::SequenceId> submit(engine::Prompt, const engine::Sampling&,
                                              const engine::Terms&,
                                              engine::TokenSink& given) override {
        if (refuse) return tl::unexpected(engine::Error{engine::Errc::overloaded, "256 wait"});
        sink = &given;
        return engine::SequenceId{7};
    }
    void cancel(engine::SequenceId id) override { n_cancelled += id.n == 7; }
    void resume(engine::SequenceId id) override { n_resumed += id.n == 7; }
    int64_t n_resident(const engine::Prompt&, uint64_t) const override { return 0; }
    engine::Stats stats() const override { return {}; }
    int64_t n_ctx() const override { return 8192; }
    std::string_view fingerprint() const override { return "scripted"; }

    engine::TokenSink* sink = nullptr;
    bool refuse = false;
    int n_cancelled = 0, n_resumed = 0;
};

struct Rig {
    asio::io_context io;
    ScriptedEngine engine;
    std::unique_ptr<Attempt> attempt;

    explicit Rig(bool stream, bool include_usage = false, int64_t buffer = 1'000) {
        EngineCall call;
        call.engine = &engine;
        call.stream = stream;
        call.include_usage = include_usage;
        call.head = {"chatcmpl-1", 1, "local", "fp"};
        call.buffer_bytes_max = buffer;
        attempt = std::move(*start_engine_attempt(io, std::move(call)));
    }
    // Runs the io thread until next() has an answer.
    AttemptBatch next() {
        std::optional<AttemptBatch> batch;
        asio::co_spawn(
            io,
            [](Attempt& a, std::optional<AttemptBatch>& out) -> asio::awaitable<void> {
                out = co_await a.next();
            }(*attempt, batch),
            asio::detached);
        io.restart();
        io.run();
        return std::move(batch.value());
    }
    bool delta(std::string content, std::string reasoning = "") {
        return engine.sink->on_delta({std::move(reasoning), std::move(content), {}});
    }
};

std::string content_of(const ChatChunk& chunk) {
    return nlohmann::json::parse(chunk.data)["choices"][0]["delta"].value("content", "");
}

}  // namespace

TEST_CASE("engine attempt: streams role, deltas, finish and usage in order", "[chat]") {
    Rig rig(true, true);
    rig.delta("Hel", "why");
    rig.delta("lo");
    rig.engine.sink->on_end(FinishReason::stop, {5, 2, 3, 1});
    const AttemptBatch batch = rig.next();
    REQUIRE(batch.chunks.size() == 5);
    CHECK(content_of(batch.chunks[1]) + content_of(batch.chunks[2]) == "Hello");
    CHECK(batch.chunks[1].n_text_bytes == 6);
    CHECK(batch.chunks[1].n_reasoning_bytes == 3);
    CHECK(batch.chunks[4].usage_only);
    REQUIRE(batch.end);
    CHECK(batch.end->kind == AttemptEnd::Kind::complete);
    CHECK(batch.end->finish_reason == "stop");
    CHECK(batch.end->source == billing::CountSource::engine);
    CHECK(batch.end->usage->n_prompt == 5);
    CHECK(batch.end->usage->n_cache_read == 2);
    CHECK(batch.end->usage->n_output == 3);
}

TEST_CASE("engine attempt: an unstreamed answer is one completion", "[chat]") {
    Rig rig(false, false, 10);
    // Far above the buffer: an unstreamed answer is collected, never parked.
    for (int i = 0; i < 100; ++i) CHECK(rig.delta("abc"));
    rig.engine.sink->on_end(FinishReason::length, {5, 0, 100, 0});
    const AttemptBatch batch = rig.next();
    REQUIRE(batch.chunks.size() == 1);
    const auto completion = nlohmann::json::parse(batch.chunks[0].data);
    CHECK(completion["choices"][0]["message"]["content"].get<std::string>().size() == 300);
    CHECK(completion["choices"][0]["finish_reason"] == "length");
    CHECK(rig.engine.n_resumed == 0);
}

TEST_CASE("engine attempt: a full buffer parks the sequence until the batch was written",
          "[chat]") {
    Rig rig(true);
    CHECK(rig.delta("a"));
    CHECK_FALSE(rig.delta(std::string(2'000, 'b')));
    CHECK(rig.next().chunks.size() == 3);
    CHECK(rig.engine.n_resumed == 0);  // taken, but not yet written
    asio::post(rig.io, [&] { rig.delta("c"); });
    CHECK(rig.next().chunks.size() == 1);  // asking again says that it was
    CHECK(rig.engine.n_resumed == 1);
    rig.engine.sink->on_end(FinishReason::stop, {});
}

TEST_CASE("engine attempt: calls are streamed as they come", "[chat]") {
    Rig rig(true);
    rig.engine.sink->on_delta({{}, {}, {}, {{0, "call_1", "f", "{", false}}});
    rig.engine.sink->on_delta({{}, {}, {}, {{0, "", "", "}", true}}});
    rig.engine.sink->on_end(FinishReason::tool_calls, {5, 0, 9, 0});
    const AttemptBatch batch = rig.next();
    REQUIRE(batch.chunks.size() == 4);
    const auto delta = [&](size_t i) {
        return nlohmann::json::parse(batch.chunks[i].data)["choices"][0]["delta"];
    };
    CHECK(delta(0)["content"].is_null());
    CHECK(delta(1)["tool_calls"][0]["id"] == "call_1");
    CHECK(delta(2)["tool_calls"][0] ==
          nlohmann::json::parse(R"({"index":0,"function":{"arguments":"}"}})"));
    CHECK(batch.chunks[1].n_text_bytes == 2);  // f{
    CHECK(batch.chunks[3].data.find(R"("finish_reason":"tool_calls")") != std::string::npos);
    REQUIRE(batch.end);
    CHECK(batch.end->finish_reason == "tool_calls");
    CHECK(batch.end->detail.empty());
}

TEST_CASE("engine attempt: a call that was cut is dropped and told to the log", "[chat]") {
    Rig rig(false);
    rig.engine.sink->on_delta(
        {{}, {}, {}, {{0, "call_1", "f", "{", false}, {0, "", "", "\"a\": 1", false}}});
    rig.engine.sink->on_delta(
        {{}, {}, {}, {{0, "", "", "}", true}, {1, "call_2", "g", "{", false}}});
    engine::TokenUsage usage{5, 0, 20, 0};
    usage.n_calls_cut = 1;
    rig.engine.sink->on_end(FinishReason::length, usage);
    const AttemptBatch batch = rig.next();
    REQUIRE(batch.chunks.size() == 1);
    const auto choice = nlohmann::json::parse(batch.chunks[0].data)["choices"][0];
    CHECK(choice["finish_reason"] == "length");
    CHECK(choice["message"]["content"].is_null());
    CHECK(choice["message"]["tool_calls"] ==
          nlohmann::json::parse(R"([{"id":"call_1","type":"function",
        "function":{"name":"f","arguments":"{\"a\": 1}"}}])"));
    REQUIRE(batch.end);
    CHECK(batch.end->detail.find("cut") != std::string::npos);
}

TEST_CASE("engine attempt: cancel ends with what was used", "[chat]") {
    Rig rig(true);
    rig.delta("a");
    rig.next();
    rig.attempt->cancel();
    CHECK(rig.engine.n_cancelled == 1);
    rig.engine.sink->on_end(FinishReason::cancelled, {5, 0, 2, 0});
    const AttemptBatch batch = rig.next();
    REQUIRE(batch.end);
    CHECK(batch.end->kind == AttemptEnd::Kind::cancelled);
    CHECK(batch.end->usage->n_output == 2);
}

TEST_CASE("engine attempt: destroying it cancels, and a late end finds its sink alive", "[chat]") {
    Rig rig(true);
    rig.attempt.reset();
    CHECK(rig.engine.n_cancelled == 1);
    rig.delta("late");
    rig.engine.sink->on_end(FinishReason::cancelled, {});
    rig.io.run();
}

TEST_CASE("engine attempt: wake() returns an empty batch", "[chat]") {
    Rig rig(true);
    asio::post(rig.io, [&] { rig.attempt->wake(); });
    const AttemptBatch batch = rig.next();
    CHECK(batch.chunks.empty());
    CHECK_FALSE(batch.end);
    rig.engine.sink->on_end(FinishReason::stop, {});
}

TEST_CASE("engine attempt: a refusal is told with its class", "[chat]") {
    asio::io_context io;
    ScriptedEngine engine;
    engine.refuse = true;
    EngineCall call;
    call.engine = &engine;
    const auto started = start_engine_attempt(io, std::move(call));
    REQUIRE_FALSE(started);
    CHECK(failure_class(started.error().code) == config::FailureClass::overloaded);
}
