#pragma once
// An attempt that waits for a place at its upstream before it begins.
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "gateway/chat/attempt.h"
#include "gateway/chat/wake.h"
#include "gateway/upstream/failure_class.h"
#include "gateway/upstream/inflight.h"

namespace gateway {

class QueuedAttempt final : public Attempt {
public:
    using Begin = std::function<std::unique_ptr<Attempt>(InflightCounts::Permit permit)>;

    // `begin` makes the attempt itself. At `deadline` it fails as overloaded.
    QueuedAttempt(asio::io_context& io, TimePoint deadline, Begin begin);
    ~QueuedAttempt() override;
    QueuedAttempt(const QueuedAttempt&) = delete;
    QueuedAttempt& operator=(const QueuedAttempt&) = delete;

    // False: too many wait already.
    bool enter(InflightCounts& inflight, const std::string& upstream,
               const InflightCounts::Claim& claim);

    asio::awaitable<AttemptBatch> next() override;
    void cancel() override;
    void wake() override;
    void pass_to(ChunkTaker& taker) override;

private:
    void granted(InflightCounts::Permit permit);
    void end(AttemptEnd end);
    void fire_soon();

    asio::io_context& io_;
    const Begin begin_;
    asio::steady_timer timer_;
    std::unique_ptr<InflightCounts::Waiting> waiting_;
    std::unique_ptr<Attempt> attempt_;  // once it has its place
    std::optional<AttemptEnd> end_;     // before that
    ChunkTaker* taker_ = nullptr;
    bool woken_ = false;
    Wake wake_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // posted handlers look at it
};

}  // namespace gateway
