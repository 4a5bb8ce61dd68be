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
    if (n_items <= 0) return;
    const FlushSubnormals flush;
    if (n_items == 1 || workers_.empty()) {
        for (int64_t i = 0; i < n_items; ++i) task.call(task.context, i, 0);
        return;
    }
    task_ = task;
    n_items_ = n_items;
    next_item_.store(0, std::memory_order_relaxed);
    n_busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    take_items(0);
    for (int busy = n_busy_.load(std::memory_order_acquire); busy != 0;
         busy = n_busy_.load(std::memory_order_acquire)) {
        wait_while_equal(n_busy_, busy);
    }
}

void ThreadPool::work(int thread) {
    const FlushSubnormals flush;
    uint32_t seen = 0;
    while (true) {
        wait_while_equal(round_, seen);
        ++seen;  // the caller waits for every worker, so rounds are never skipped
        if (stop_.load(std::memory_order_relaxed)) return;
        take_items(thread);
        if (n_busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) n_busy_.notify_one();
    }
}

void ThreadPool::take_items(int thread) {
    while (true) {
        const int64_t item = next_item_.fetch_add(1, std::memory_order_relaxed);
        if (item >= n_items_) return;
        task_.call(task_.context, item, thread);
    }
}

}  // namespace engine::kernels
