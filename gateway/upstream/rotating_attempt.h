#pragma once
// An attempt at an upstream with several keys: refused for its key before any of its answer came,
// it is made again with another one that does not rest, each key once at most.
#include <functional>
#include <memory>

#include "gateway/upstream/upstream_keys.h"

namespace gateway {

class RotatingAttempt final : public Attempt, private ChunkTaker {
public:
    // Begins with the key of that index; null: there is no place for it now.
    using Begin = std::function<std::unique_ptr<Attempt>(size_t key)>;

    // `upstream` is kept alive by `begin`.
    RotatingAttempt(std::shared_ptr<UpstreamKeys> keys, const config::Upstream& upstream,
                    size_t key, std::unique_ptr<Attempt> attempt, Begin begin)
        : keys_(std::move(keys)),
          upstream_(upstream),
          begin_(std::move(begin)),
          key_(key),
          attempt_(std::move(attempt)) {}

    asio::awaitable<AttemptBatch> next() override;
    void cancel() override;
    void wake() override {
        if (attempt_) attempt_->wake();
    }
    void pass_to(ChunkTaker& taker) override;

private:
    bool take_chunks(std::vector<ChatChunk>& chunks) override;
    bool try_another(const AttemptEnd& end);

    const std::shared_ptr<UpstreamKeys> keys_;
    const config::Upstream& upstream_;
    const Begin begin_;
    size_t key_;
    std::unique_ptr<Attempt> attempt_;  // null: it has ended
    ChunkTaker* taker_ = nullptr;
    size_t n_tried_ = 1;
    bool has_answered_ = false;
    bool is_cancelled_ = false;
};

}  // namespace gateway
