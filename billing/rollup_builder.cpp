#include "billing/rollup_builder.h"

#include <algorithm>

#include "billing/wall_clock.h"

namespace billing {

RollupBuilder::RollupBuilder(std::filesystem::path ledger, RollupPace pace,
                             std::function<bool(Rollup rollup)> store,
                             std::function<void(const Error& error)> on_error)
    : path_(std::move(ledger)),
      pace_(pace),
      store_(std::move(store)),
      on_error_(std::move(on_error)),
      thread_([this] { run(); }) {}

RollupBuilder::~RollupBuilder() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

bool RollupBuilder::is_stopping() {
    const std::lock_guard lock(mutex_);
    return is_stopping_;
}

void RollupBuilder::run() {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            if (wake_.wait_for(lock, pace_.interval, [this] { return is_stopping_; })) return;
        }
        catch_up();
    }
}

void RollupBuilder::catch_up() {
    while (!is_stopping()) {
        auto rollup = next();
        if (!rollup) {
            if (on_error_) on_error_(rollup.error());
            return;
        }
        if (!*rollup || !store_(std::move(**rollup))) return;
    }
}

// The file is open only meanwhile, so that no reader keeps the log from being moved into it.
Result<std::optional<Rollup>> RollupBuilder::next() {
    auto database = Database::open(path_, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok) return tl::unexpected(ok.error());
    return next_in(*database);
}

Result<std::optional<Rollup>> RollupBuilder::next_in(Database& database) const {
    const auto last = rollups_end(database);
    if (!last) return tl::unexpected(last.error());
    const auto n_entries = database.query_integer("SELECT coalesce(max(seq), 0) FROM entries");
    if (!n_entries) return tl::unexpected(n_entries.error());
    const int64_t n_new = *n_entries + 1 - last->end;
    if (n_new <= 0) return std::nullopt;
    if (n_new < pace_.n_entries_max) {
        const auto oldest = database.query_integer("SELECT at FROM entries WHERE seq = " +
                                                   std::to_string(last->end));
        if (!oldest) return tl::unexpected(oldest.error());
        if (quarter_of({*oldest}) >= quarter_of(wall_clock())) return std::nullopt;
    }
    const SeqRange range{last->end, last->end + std::min(n_new, pace_.n_entries_max)};
    auto rollup = make_rollup(database, range, last->open_from);
    if (!rollup) return tl::unexpected(rollup.error());
    return std::move(*rollup);
}

}  // namespace billing
