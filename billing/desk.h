#pragma once
// What callers and the writer share. An entry takes its place in the queue under the lock that
// decided about it, so that the file always holds a prefix of what was decided.
#include <condition_variable>
#include <mutex>

#include "billing/answer_table.h"
#include "billing/billing.h"
#include "billing/book.h"
#include "billing/checkpoints.h"
#include "billing/rollup.h"

namespace billing {

// An entry on its way to disk. One without a column writes a checkpoint or a roll-up, or is only a
// place in the queue: its waiter hears when all before it is on disk.
struct Pending {
    Entry entry;
    std::unique_ptr<const Definition> definition;
    CommitWaiter* waiter = nullptr;
    bool is_moot =
        false;  // ends a request whose RESERVE was never written: done, whatever the disk does
    std::unique_ptr<const CheckpointRow> checkpoint = nullptr;
    bool drops_checkpoint = false;  // the entry ends a request that may have one
    std::unique_ptr<const Rollup> rollup = nullptr;
    std::unique_ptr<const AnswerChange> answer = nullptr;  // goes with the entry
};

struct Desk {
    explicit Desk(int64_t n_max) : n_queued_max(n_max) {}

    const int64_t n_queued_max;
    std::mutex mutex;
    std::condition_variable wake;  // the writer waits on it
    // Guarded by mutex.
    Book book;
    std::vector<Pending> queue;
    int64_t n_queued = 0;  // here and with the writer, not on disk
    int64_t n_commits = 0, n_commits_failed = 0, n_entries_committed = 0;
    AnchorNote anchor;  // the last on disk
    int64_t n_anchors_failed = 0;
    bool is_available = true;
    bool is_stopping = false;
    bool writer_waits = false;

    // The caller holds the lock.
    void put(Pending pending) {
        queue.push_back(std::move(pending));
        ++n_queued;
        if (!writer_waits) return;  // a busy writer looks again by itself
        writer_waits = false;
        wake.notify_one();
    }
};

}  // namespace billing
