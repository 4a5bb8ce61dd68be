#pragma once
// One request to one remote endpoint, from its first byte out to its end.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/chat/attempt.h"
#include "gateway/chat/wake.h"
#include "gateway/upstream/answer_reader.h"
#include "gateway/upstream/attempt_clock.h"
#include "gateway/upstream/inflight.h"
#include "gateway/upstream/transfers.h"
#include "gateway/upstream/upstream_client.h"

namespace gateway {

// What an attempt borrows from the client of its io thread, which outlives it.
struct AttemptServices {
    boost::asio::io_context& io;
    const config::Limits& limits;
    Transfers& transfers;
};

class RemoteAttempt final : public Attempt, public TransferSink {
public:
    RemoteAttempt(const AttemptServices& services, const UpstreamCall& call,
                  std::shared_ptr<const config::Config> config, InflightCounts::Permit permit,
                  TransferRequest request, std::unique_ptr<AnswerReader> reader);
    ~RemoteAttempt() override;
    RemoteAttempt(const RemoteAttempt&) = delete;
    RemoteAttempt& operator=(const RemoteAttempt&) = delete;

    asio::awaitable<AttemptBatch> next() override;
    void cancel() override;
    void wake() override;
    void pass_to(ChunkTaker& taker) override { taker_ = &taker; }

    void on_connected() override;
    Take on_bytes(std::string_view bytes) override;
    void on_done(const char* error) override;
    void on_deadline(TimePoint now) override;
    TimePoint deadline() const override;
    void on_turn_end() override;

private:
    // How the answer's body is to be read: known with its head.
    enum class Body : uint8_t { unknown, events, whole, error };

    Body body_kind() const;
    Take take_events(std::string_view bytes);
    Take take_whole(std::string_view bytes, int64_t n_max);
    void answered();
    void take_event(SseEvent&& event);
    void take_chunks(EventLook&& look);
    void take_chunk(ChatChunk&& chunk);
    void end_of_events();
    void end_of_whole();
    void end_of_error();
    void fail(Failure failure);
    void finish(AttemptEnd end);
    bool has_news() const { return !chunks_.empty() || end_; }
    void unpark();
    void close_transfer();
    void fire_soon();

    const AttemptServices services_;
    const std::shared_ptr<const config::Config> config_;
    const InflightCounts::Permit permit_;
    const bool streamed_;
    SseParser sse_;
    const std::unique_ptr<AnswerReader> reader_;
    AttemptClock clock_;
    Body body_ = Body::unknown;
    std::string whole_;             // an unstreamed answer, or an error's text
    std::vector<SseEvent> parsed_;  // scratch of take_events()
    std::vector<ChatChunk> chunks_;
    int64_t n_chunk_bytes_ = 0;  // of chunks_
    ChunkTaker* taker_ = nullptr;
    std::optional<AttemptEnd> end_;
    bool has_given_end_ = false;
    bool done_seen_ = false;  // [DONE]: the rest of the transfer says nothing more
    bool parked_ = false;
    bool waiting_ = false, woken_ = false;
    Wake wake_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // posted handlers look at it
    std::unique_ptr<Transfer> transfer_;                     // absent once closed
};

}  // namespace gateway
