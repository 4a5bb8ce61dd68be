#include "billing/ledger_writer.h"

#include <algorithm>
#include <iterator>

#include "billing/stopwatch.h"
#include "billing/triage.h"

namespace billing {
namespace {

constexpr size_t kGroupMax = 256;  // keeps one commit near a millisecond
constexpr std::chrono::milliseconds kBackOffMin{20};
constexpr std::chrono::milliseconds kBackOffMax{1'000};
constexpr int kTriesWhenStopping = 3;

void tell(const std::vector<Triage::Answer>& answers) {
    for (const Triage::Answer& answer : answers) answer.waiter->on_committed(answer.is_durable);
}

}  // namespace

LedgerWriter::LedgerWriter(Desk& desk, Target target, std::unique_ptr<LedgerFile> file,
                           ChainHead head, Anchoring anchoring, Listeners listeners)
    : desk_(desk),
      target_(std::move(target)),
      listeners_(std::move(listeners)),
      file_(std::move(file)),
      committed_(head),
      anchoring_(std::move(anchoring)),
      thread_([this] { run(); }) {}

LedgerWriter::~LedgerWriter() {
    {
        const std::lock_guard lock(desk_.mutex);
        desk_.is_stopping = true;
    }
    desk_.wake.notify_all();
    thread_.join();
}

void LedgerWriter::run() {
    while (take_group()) {
        if (write_group()) {
            finish_group();
            anchor_if_due();
        } else if (!recover()) {
            give_up();
            break;
        }
    }
    anchor();
    write_last_uses();
    file_.reset();  // on this thread: closing checkpoints
}

void LedgerWriter::anchor_if_due() {
    const auto due = anchoring_.due(committed_);
    if (due && *due <= Anchoring::Clock::now()) anchor();
}

void LedgerWriter::anchor() {
    take_key_uses();
    const auto note = anchoring_.write(committed_);
    if (!note) return;
    {
        const std::lock_guard lock(desk_.mutex);
        if (note->error.empty()) {
            desk_.anchor = *note;
        } else {
            ++desk_.n_anchors_failed;
        }
    }
    if (listeners_.on_anchor) listeners_.on_anchor(*note);
}

void LedgerWriter::take_key_uses() {
    if (!listeners_.take_key_uses) return;
    for (const KeyUse& use : listeners_.take_key_uses()) uses_.push_back(use);
}

// Those since the last anchor. Nobody waits for them, and nothing is written behind them.
void LedgerWriter::write_last_uses() {
    if (file_ == nullptr) return;
    take_key_uses();
    if (uses_.empty() || !file_->begin()) return;
    for (const KeyUse& use : uses_) (void)file_->put_key_use(use);
    (void)file_->commit();
}

// Until something is queued or the writer stops; anchors meanwhile.
void LedgerWriter::wait_for_work(std::unique_lock<std::mutex>& lock) {
    while (desk_.queue.empty() && !desk_.is_stopping) {
        desk_.writer_waits = true;
        const auto due = anchoring_.due(committed_);
        if (!due) {
            desk_.wake.wait(lock);
        } else if (desk_.wake.wait_until(lock, *due) == std::cv_status::timeout) {
            lock.unlock();
            anchor_if_due();
            lock.lock();
        }
    }
    desk_.writer_waits = false;
}

bool LedgerWriter::take_group() {
    if (group_begin_ == batch_.size()) {
        batch_.clear();
        std::unique_lock lock(desk_.mutex);
        wait_for_work(lock);
        batch_.swap(desk_.queue);
        group_begin_ = group_end_ = 0;
    }
    next_group();
    return group_begin_ != group_end_;
}

void LedgerWriter::next_group() {
    group_end_ = std::min(batch_.size(), group_begin_ + kGroupMax);
}

bool LedgerWriter::write_group() {
    const auto begin = batch_.begin() + static_cast<ptrdiff_t>(group_begin_);
    const auto end = batch_.begin() + static_cast<ptrdiff_t>(group_end_);
    written_ = committed_;
    is_group_uncertain_ = true;
    const Stopwatch stopwatch;
    const auto writes = [](const Pending& each) {
        return !each.entry.empty() || each.checkpoint || each.rollup;
    };
    if (std::any_of(begin, end, writes)) {
        if (!file_->begin()) return false;
        for (auto each = begin; each != end; ++each) {
            if (!write(*each)) return false;
        }
        for (const KeyUse& use : uses_) {
            if (!file_->put_key_use(use)) return false;
        }
        if (!file_->commit()) return false;
    }
    const int64_t n_entries = written_.seq - committed_.seq;
    if (listeners_.on_commit && n_entries > 0) listeners_.on_commit(stopwatch.seconds(), n_entries);
    return true;
}

bool LedgerWriter::write(Pending& pending) {
    if (pending.checkpoint) return file_->checkpoints().put(*pending.checkpoint);
    if (pending.rollup) return file_->rollups().put(*pending.rollup);
    if (pending.entry.empty()) return true;
    if (!file_->append(pending.entry, pending.definition.get(), written_)) return false;
    if (pending.answer && !file_->answers().apply(*pending.answer)) return false;
    return !pending.drops_checkpoint ||
           file_->checkpoints().drop({pending.entry.get(Column::request)});
}

void LedgerWriter::finish_group() {
    const int64_t n_entries = written_.seq - committed_.seq;
    if (n_entries > 0) uses_.clear();
    committed_ = written_;
    is_group_uncertain_ = false;
    {
        const std::lock_guard lock(desk_.mutex);
        desk_.n_queued -= static_cast<int64_t>(group_end_ - group_begin_);
        desk_.n_entries_committed += n_entries;
        if (n_entries > 0) ++desk_.n_commits;
    }
    for (; group_begin_ != group_end_; ++group_begin_) {
        const Pending& done = batch_[group_begin_];
        if (!done.entry.empty()) anchoring_.add(done.entry, done.definition.get());
        if (done.waiter != nullptr) done.waiter->on_committed(true);
    }
}

// True once a commit works again and all that waited before it is on disk.
bool LedgerWriter::recover() {
    {
        const std::lock_guard lock(desk_.mutex);
        desk_.is_available = false;
        ++desk_.n_commits_failed;
    }
    sort_out(group_end_);  // what was not tried is surely not on disk
    for (int n_tries = 0; !try_again(); ++n_tries) {
        if (!back_off(n_tries)) return false;
    }
    const std::lock_guard lock(desk_.mutex);
    desk_.is_available = true;
    return true;
}

bool LedgerWriter::try_again() {
    if (file_ != nullptr) file_->database().keep_log_on_close();
    file_.reset();
    auto file = LedgerFile::open(target_.path, target_.pepper_check);
    if (!file) return false;
    file_ = std::move(*file);
    if (is_group_uncertain_ && !resolve_group()) return false;
    sort_out(group_begin_);  // the kept, and what ended meanwhile
    next_group();
    const bool works = group_begin_ == group_end_ ? file_->probe() : write_group();
    if (!works) {
        const std::lock_guard lock(desk_.mutex);
        ++desk_.n_commits_failed;
        return false;
    }
    if (group_begin_ != group_end_) finish_group();
    return true;
}

bool LedgerWriter::resolve_group() {
    const auto head = file_->read_head();
    if (!head) return false;
    if (*head == committed_) {
        is_group_uncertain_ = false;
        return true;
    }
    // Any other end of the chain is another's work: nothing may be built on it.
    if (*head != written_ || !file_->database().checkpoint()) return false;
    finish_group();
    return true;
}

// Sorts out batch_ from `first` on and all that is queued. The group, if it lies before, stays.
void LedgerWriter::sort_out(size_t first) {
    Triage result;
    {
        const std::lock_guard lock(desk_.mutex);
        std::vector<Pending> unwritten(
            std::make_move_iterator(batch_.begin() + static_cast<ptrdiff_t>(first)),
            std::make_move_iterator(batch_.end()));
        batch_.resize(first);
        std::move(desk_.queue.begin(), desk_.queue.end(), std::back_inserter(unwritten));
        desk_.queue.clear();
        const size_t n_unwritten = unwritten.size();
        result = triage(std::move(unwritten), desk_.book);
        desk_.n_queued -= static_cast<int64_t>(n_unwritten - result.kept.size());
    }
    std::move(result.kept.begin(), result.kept.end(), std::back_inserter(batch_));
    tell(result.answers);
}

// Doubles from 20 ms to 1 s. False: stopping, and tried often enough.
bool LedgerWriter::back_off(int n_tries) {
    const auto wait = std::min(kBackOffMax, kBackOffMin * (1 << std::min(n_tries, 10)));
    std::unique_lock lock(desk_.mutex);
    if (desk_.is_stopping) return n_tries < kTriesWhenStopping;
    desk_.wake.wait_for(lock, wait, [this] { return desk_.is_stopping; });
    return true;
}

void LedgerWriter::give_up() {
    std::vector<Triage::Answer> answers;
    {
        const std::lock_guard lock(desk_.mutex);
        std::move(desk_.queue.begin(), desk_.queue.end(), std::back_inserter(batch_));
        desk_.queue.clear();
        desk_.n_queued = 0;
    }
    for (size_t i = group_begin_; i < batch_.size(); ++i) {
        if (batch_[i].waiter != nullptr) answers.push_back({batch_[i].waiter, false});
    }
    tell(answers);
    if (file_ != nullptr) file_->database().keep_log_on_close();
}

}  // namespace billing
