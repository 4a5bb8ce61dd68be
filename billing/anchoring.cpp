#include "billing/anchoring.h"

#include <algorithm>

namespace billing {
namespace {

constexpr std::chrono::milliseconds kRetryMin{1'000};
constexpr int64_t kEntriesMax =
    200'000;  // the most that a crash leaves to be read at the next start

}  // namespace

Anchoring::Anchoring(AnchorFile file, Tally tally, const std::optional<Standing>& last,
                     std::chrono::milliseconds interval)
    : file_(std::move(file)), tally_(std::move(tally)), interval_(interval) {
    if (!last) return;
    last_seq_ = last->head.seq;
    tally_.mark_changes(*last);
}

std::optional<Anchoring::Clock::time_point> Anchoring::due(const ChainHead& head) {
    if (head.seq == last_seq_) return std::nullopt;
    if (!due_) due_ = Clock::now() + interval_;
    if (!has_failed_ && head.seq - last_seq_ >= kEntriesMax) return Clock::now();
    return due_;
}

std::optional<AnchorNote> Anchoring::write(const ChainHead& head) {
    if (head.seq == last_seq_) return std::nullopt;
    due_.reset();
    const bool is_full = file_.wants_full();
    const Anchor anchor = is_full ? tally_.full(head) : tally_.changes(head);
    const auto written = file_.append(anchor);
    has_failed_ = !written;
    if (written) {
        tally_.settle_changes();
        last_seq_ = head.seq;
    } else {
        due_ = Clock::now() + std::max(interval_, kRetryMin);
    }
    return AnchorNote{head.seq, to_hex(head.hash), anchor.standing.at, tally_.n_open(),
                      written ? std::string() : written.error().detail};
}

}  // namespace billing
