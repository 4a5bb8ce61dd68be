#pragma once
// Fork-join over a range of items. Each thread works through a run of neighbouring items of its
// own, because memory is read fastest in one stream a thread, and then helps with the runs of the
// others, so a slow or stolen core delays its own items only. Kernels write each item's results
// where no other item writes, so the result does not depend on who ran what.
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
                        &body, checked(n_items)};
        run_task(task);
    }

private:
    static uint32_t checked(int64_t n_items);

    struct Task {
        void (*call)(const void* context, int64_t item, int thread) = nullptr;
        const void* context = nullptr;
        uint32_t n_items = 0;
    };
    // A thread's run of items: round (16 bits), next item (24), end of the run (24). An item is
    // claimed by counting up the middle, so a worker that comes late finds work of the round that
    // is on, or none: nobody waits for it.
    struct alignas(64) Run {
        std::atomic<uint64_t> claims{0};
    };

    void run_task(const Task& task);
    void work(int thread);
    void take_items(int thread);
    uint32_t take_run(Run& run, int thread);

    // Written by the caller while no item is claimed and uncounted; read by whoever has claimed
    // one.
    Task task_;
    std::vector<Run> runs_;                        // one a thread
    alignas(64) std::atomic<uint32_t> n_done_{0};  // items of this round
    alignas(64) std::atomic<uint32_t> round_{0};   // a new value wakes the workers
    std::atomic<bool> stop_{false};
    std::vector<std::thread> workers_;
};

}  // namespace engine::kernels
