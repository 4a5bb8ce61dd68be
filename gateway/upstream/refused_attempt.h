#pragma once
// An attempt that ended before it began.
#include <utility>

#include "gateway/chat/attempt.h"
#include "gateway/upstream/failure_class.h"

namespace gateway {

class RefusedAttempt final : public Attempt {
public:
    explicit RefusedAttempt(Failure failure) : failure_(std::move(failure)) {}

    asio::awaitable<AttemptBatch> next() override {
        AttemptBatch batch;
        batch.end.emplace();
        batch.end->kind = AttemptEnd::Kind::failed;
        batch.end->failure = failure_.failure;
        batch.end->detail = failure_.detail;
        batch.end->message = failure_.message;
        batch.end->type = failure_.type;
        batch.end->param = failure_.param;
        batch.end->code = failure_.code;
        batch.end->upstream_status = failure_.upstream_status;
        co_return batch;
    }
    void cancel() override {}

private:
    const Failure failure_;
};

}  // namespace gateway
