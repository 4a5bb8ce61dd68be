#pragma once
// Fork-join over a range of items. Workers take items from a shared counter, so a slow or stolen
// core delays its own items only; kernels write each item's results where no other item writes, so
// the result does not depend on who ran what.
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace engine::kernels {

class ThreadPool {
public:
    // n_threads >= 1, the calling thread of run() included; 0: one per core.
    explicit ThreadPool(int n_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int n_threads() const { return static_cast<int>(workers_.size()) + 1; }

    // Calls body(item, thread) for each item in [0, n_items), thread in [0, n_threads()), and
    // returns when all are done. The caller works too. One caller at a time; body must not call
    // run(). Allocates nothing.
    template <class Body>
    void run(int64_t n_items, const Body& body) {
        const Task task{[](const void* context, int64_t item, int thread) {
                            (*static_cast<const Body*>(context))(item, thread);
                        },
                        &body};
        run_task(n_items, task);
    }

private:
    struct Task {
        void (*call)(const void* context, int64_t item, int thread) = nullptr;
        const void* context = nullptr;
    };

    void run_task(int64_t n_items, const Task& task);
    void work(int thread);
    void take_items(int thread);

    // Written by the caller between two rounds; workers read it once they have seen round_ change.
    Task task_;
    int64_t n_items_ = 0;
    alignas(64) std::atomic<int64_t> next_item_{0};
    alignas(64) std::atomic<uint32_t> round_{0};  // a new value starts a round
    alignas(64) std::atomic<int> n_busy_{0};      // workers that have not finished this round
    std::atomic<bool> stop_{false};
    std::vector<std::thread> workers_;
};

}  // namespace engine::kernels
