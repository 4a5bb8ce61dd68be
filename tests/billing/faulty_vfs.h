#pragma once
// A disk that refuses on demand: SQLite's default file layer with faults in front.
#include <atomic>
#include <cstdint>

namespace billing::test {

class FaultyVfs {
public:
    enum class Fault {
        none,
        full,       // writes fail with "disk full"
        io,         // writes fail with an I/O error
        sync_once,  // the next flush fails, though everything was written; then it works
        sync,       // flushes fail, though everything was written
        open,       // nothing opens, and writes fail
    };

    // Is SQLite's default while it lives. One at a time.
    FaultyVfs();
    FaultyVfs(const FaultyVfs&) = delete;
    FaultyVfs& operator=(const FaultyVfs&) = delete;
    ~FaultyVfs();

    void set(Fault fault) { fault_ = fault; }
    // Kills this process before the write or flush behind so many more of either.
    static void die_after(int64_t n_steps) { n_until_death_ = n_steps; }
    static std::atomic<Fault> fault_;
    static std::atomic<int64_t> n_until_death_;  // below 0: never
};

}  // namespace billing::test
