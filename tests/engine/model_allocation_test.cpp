// A decode step allocates nothing: every buffer was sized before.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "tests/engine/model_fixture.h"

namespace {

std::atomic<int64_t> n_allocations{0};

void* counted_or_null(std::size_t n) noexcept {
    n_allocations.fetch_add(1, std::memory_order_relaxed);
    return std::malloc(n > 0 ? n : 1);
}

void* counted(std::size_t n) {
    void* p = counted_or_null(n);
    if (p == nullptr) throw std::bad_alloc();
    return p;
}

}  // namespace

void* operator new(std::size_t n) {
    return counted(n);
}
void* operator new[](std::size_t n) {
    return counted(n);
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
    return counted_or_null(n);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
    return counted_or_null(n);
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete[](void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
    std::free(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
    std::free(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
    std::free(p);
}

using namespace model_test;

namespace {

void check_allocations(const engine::ModelOptions& options) {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto model =
        synthetic_model(config_of(read_json("v4-tiny.config.json")), "s44/", options);
    Runner runner(*model, 2, 128, 272);
    std::vector<float> logits(static_cast<size_t>(model->config().n_vocab));
    const auto step = [&](size_t begin, size_t n) {
        const engine::SequenceChunk chunk{&runner.kv, std::span(golden.tokens).subspan(begin, n),
                                          engine::LogitsWanted::last, logits.data()};
        engine::forward(*model, runner.workspace, {&chunk, 1});
    };
    const int64_t before = n_allocations.load();
    step(0, 120);
    for (size_t t = 120; t < 272; ++t) step(t, 1);
    CHECK(n_allocations.load() == before);
    CHECK(before > 0);
}

}  // namespace

TEST_CASE("forward: neither prefill nor decode allocates", "[engine][model]") {
    check_allocations(engine::Dtype::bf16);
    check_allocations(fast_options());
}
