#pragma once
// A disk that refuses on demand: SQLite's default file layer with faults in front.
#include <atomic>

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
    static std::atomic<Fault> fault_;
};

}  // namespace billing::test
