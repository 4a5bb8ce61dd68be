#include "engine/kernels/thread_pool.h"

#include <algorithm>

#include "config/ensure.h"
#include "engine/kernels/flush_subnormals.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace engine::kernels {
namespace {

// A round follows the last one within microseconds while a step runs; a sleeping worker takes tens
// of microseconds to wake. After about 20 us without work it sleeps all the same: the gateway needs
// the core.
constexpr int kSpins = 2000;

constexpr int kRoundShift = 48;
constexpr int kItemShift = 24;
constexpr uint64_t kItemMask = (uint64_t{1} << kItemShift) - 1;
constexpr uint64_t kOneItem = uint64_t{1} << kItemShift;

void pause_cpu() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

template <class T>
void wait_while_equal(const std::atomic<T>& value, T old) {
    for (int i = 0; i < kSpins; ++i) {
        if (value.load(std::memory_order_acquire) != old) return;
        pause_cpu();
    }
    while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
    ENSURE(n_threads >= 0);
    if (n_threads == 0)
        n_threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    workers_.reserve(static_cast<size_t>(n_threads - 1));
    for (int i = 1; i < n_threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
    stop_.store(true, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (auto& worker : workers_) worker.join();
}

void ThreadPool::run_task(int64_t n_items, const Task& task) {
    ENSURE(n_items <= static_cast<int64_t>(kItemMask));
    if (n_items <= 0) return;
    const FlushSubnormals flush;
    if (n_items == 1 || workers_.empty()) {
        for (int64_t i = 0; i < n_items; ++i) task.call(task.context, i, 0);
        return;
    }
    task_ = task;
    n_done_.store(0, std::memory_order_relaxed);
    const uint64_t round = (claims_.load(std::memory_order_relaxed) >> kRoundShift) + 1;
    claims_.store(round << kRoundShift | static_cast<uint64_t>(n_items), std::memory_order_release);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    take_items(0);
    const auto n_all = static_cast<uint32_t>(n_items);
    for (uint32_t n = n_done_.load(std::memory_order_acquire); n != n_all;
         n = n_done_.load(std::memory_order_acquire)) {
        wait_while_equal(n_done_, n);
    }
}

void ThreadPool::work(int thread) {
    const FlushSubnormals flush;
    while (true) {
        const uint32_t seen = round_.load(std::memory_order_acquire);
        if (stop_.load(std::memory_order_relaxed)) return;
        take_items(thread);
        wait_while_equal(round_, seen);
    }
}

void ThreadPool::take_items(int thread) {
    uint64_t claims = claims_.load(std::memory_order_acquire);
    while (true) {
        const uint64_t item = claims >> kItemShift & kItemMask;
        const uint64_t n_items = claims & kItemMask;
        if (item >= n_items) return;
        if (!claims_.compare_exchange_weak(claims, claims + kOneItem, std::memory_order_acq_rel,
                                           std::memory_order_acquire)) {
            continue;
        }
        // The round cannot end before this item is done, so task_ is its own.
        task_.call(task_.context, static_cast<int64_t>(item), thread);
        if (n_done_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_items) n_done_.notify_one();
        claims = claims_.load(std::memory_order_acquire);
    }
}

}  // namespace engine::kernels
