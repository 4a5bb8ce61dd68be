#pragma once
// The thread that rolls up what has been written: it reads the file beside the writer, which only
// stores what comes out. Entries wait for it until their quarter hour is over, or they are many.
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "billing/billing.h"
#include "billing/rollup.h"

namespace billing {

class RollupBuilder {
public:
    // `store` returns once the roll-up is on disk, or false: it is made again later. `on_error`
    // hears what keeps it from being made; may be empty. Both are called on the thread, and outlive
    // it.
    RollupBuilder(std::filesystem::path ledger, RollupPace pace,
                  std::function<bool(Rollup rollup)> store,
                  std::function<void(const Error& error)> on_error);
    ~RollupBuilder();  // waits for a store()

private:
    void run();
    void catch_up();
    // Nothing: none is due.
    Result<std::optional<Rollup>> next();
    Result<std::optional<Rollup>> next_in(Database& database) const;
    bool is_stopping();

    const std::filesystem::path path_;
    const RollupPace pace_;
    const std::function<bool(Rollup rollup)> store_;
    const std::function<void(const Error& error)> on_error_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool is_stopping_ = false;  // guarded by mutex_
    std::thread thread_;        // last: runs on the rest
};

}  // namespace billing
