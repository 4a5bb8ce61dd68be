#pragma once
// The thread that writes the ledger. It takes whatever has queued while it was in the last commit,
// so at low load an entry goes alone and at high load groups grow by themselves; no timer gathers.
//
// When a commit fails nothing new is admitted until one works again. Whether the failed group is on
// disk is not known from the error: the file is opened again and read. If the group is there, a
// full checkpoint makes sure of it before anybody hears; if not, triage() decides, and what is kept
// goes first.
#include <thread>

#include "billing/anchoring.h"
#include "billing/desk.h"
#include "billing/ledger_file.h"

namespace billing {

class LedgerWriter {
public:
    struct Target {
        std::filesystem::path path;
        Digest pepper_check;
    };
    struct Listeners {
        decltype(Options::on_commit) on_commit;
        decltype(Options::on_anchor) on_anchor;
        std::function<std::vector<KeyUse>()> take_key_uses;
    };
    // `desk` outlives the writer. `file` ends at `head`, and `anchoring` knows all that it holds.
    LedgerWriter(Desk& desk, Target target, std::unique_ptr<LedgerFile> file, ChainHead head,
                 Anchoring anchoring, Listeners listeners);
    // Writes what is queued, then closes the file. If the disk still refuses after a few tries, the
    // waiters that are left hear that it is not durable.
    ~LedgerWriter();

private:
    void run();
    void wait_for_work(std::unique_lock<std::mutex>& lock);
    void anchor_if_due();
    void anchor();
    void take_key_uses();
    void write_last_uses();
    // Makes [group_begin_, group_end_) of batch_ the next group, waiting for work. False: stopped
    // and nothing left.
    bool take_group();
    void next_group();
    bool write_group();
    bool write(Pending& pending);
    void finish_group();
    bool recover();
    bool try_again();
    bool resolve_group();
    void sort_out(size_t first);
    bool back_off(int n_tries);
    void give_up();

    Desk& desk_;
    const Target target_;
    const Listeners listeners_;

    // Touched by the thread alone.
    std::unique_ptr<LedgerFile> file_;  // none between a failure and the next try
    ChainHead committed_;               // acknowledged
    Anchoring anchoring_;               // of entries up to committed_
    ChainHead written_;                 // after the group, if its commit worked
    std::vector<Pending> batch_;        // taken from the queue, in order
    std::vector<KeyUse> uses_;          // go with the next group
    size_t group_begin_ = 0, group_end_ = 0;
    bool is_group_uncertain_ = false;

    std::thread thread_;  // last: runs on the rest
};

}  // namespace billing
