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
constexpr int kNextShift = 24;
constexpr uint64_t kItemMask = (uint64_t{1} << kNextShift) - 1;
constexpr uint64_t kOneItem = uint64_t{1} << kNextShift;

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

size_t count_threads(int n_threads) {
    ENSURE(n_threads >= 0);
    if (n_threads > 0) return static_cast<size_t>(n_threads);
    return std::max<size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) : runs_(count_threads(n_threads)) {
    workers_.reserve(runs_.size() - 1);
    for (size_t i = 1; i < runs_.size(); ++i) {
        workers_.emplace_back([this, i] { work(static_cast<int>(i)); });
    }
}

ThreadPool::~ThreadPool() {
    stop_.store(true, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (auto& worker : workers_) worker.join();
}

uint32_t ThreadPool::checked(int64_t n_items) {
    ENSURE(n_items <= static_cast<int64_t>(kItemMask));
    return static_cast<uint32_t>(std::max<int64_t>(n_items, 0));
}

void ThreadPool::run_task(const Task& task) {
    const uint64_t n_items = task.n_items;
    if (n_items == 0) return;
    const FlushSubnormals flush;
    if (n_items == 1 || workers_.empty()) {
        for (uint64_t i = 0; i < n_items; ++i) {
            task.call(task.context, static_cast<int64_t>(i), 0);
        }
        return;
    }
    task_ = task;
    n_done_.store(0, std::memory_order_relaxed);
    const uint64_t round =
        (runs_.front().claims.load(std::memory_order_relaxed) >> kRoundShift) + 1;
    const uint64_t n_runs = runs_.size();
    for (uint64_t i = 0; i < n_runs; ++i) {
        const uint64_t begin = n_items * i / n_runs;
        const uint64_t end = n_items * (i + 1) / n_runs;
        runs_[i].claims.store(round << kRoundShift | begin << kNextShift | end,
                              std::memory_order_release);
    }
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    take_items(0);
    for (uint32_t n = n_done_.load(std::memory_order_acquire); n != task.n_items;
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
    const size_t n_runs = runs_.size();
    uint32_t n_taken = 0;
    for (size_t i = 0; i < n_runs; ++i) {
        n_taken += take_run(runs_[(static_cast<size_t>(thread) + i) % n_runs], thread);
    }
    if (n_taken == 0) return;
    // The round cannot end before these items are counted, so task_ is its own till then.
    const uint32_t n_items = task_.n_items;
    if (n_done_.fetch_add(n_taken, std::memory_order_acq_rel) + n_taken == n_items) {
        n_done_.notify_one();
    }
}

uint32_t ThreadPool::take_run(Run& run, int thread) {
    uint32_t n_taken = 0;
    uint64_t claims = run.claims.load(std::memory_order_acquire);
    while (true) {
        const uint64_t item = claims >> kNextShift & kItemMask;
        if (item >= (claims & kItemMask)) return n_taken;
        if (!run.claims.compare_exchange_weak(claims, claims + kOneItem, std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
            continue;
        }
        task_.call(task_.context, static_cast<int64_t>(item), thread);
        ++n_taken;
        claims = run.claims.load(std::memory_order_acquire);
    }
}

}  // namespace engine::kernels
