#include "gateway/upstream/remote_attempt.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "gateway/telemetry/wall_clock.h"
#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

using config::FailureClass;

constexpr int64_t kErrorBytesMax = 64 << 10;

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

constexpr size_t kRequestIdBytesMax = 128;

// The upstream's own name for the request, for its support: what is no such name is left out.
std::string request_id(const Transfer& transfer) {
    std::string id = transfer.header("x-request-id");
    if (id.empty()) id = transfer.header("request-id");
    const bool is_id = id.size() <= kRequestIdBytesMax &&
                       std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
    return is_id ? id : std::string();
}

}  // namespace

RemoteAttempt::RemoteAttempt(const AttemptServices& services, const UpstreamCall& call,
                             std::shared_ptr<const config::Config> config,
                             InflightCounts::Permit permit, TransferRequest request)
    : services_(services),
      config_(std::move(config)),
      permit_(std::move(permit)),
      streamed_(call.request->stream),
      sse_(static_cast<size_t>(services.limits.sse_event_bytes_max)),
      events_(services.parser, call.request->n_choices, call.request->include_usage),
      clock_(call.timeouts, std::chrono::steady_clock::now(), call.deadline),
      transfer_(services.transfers.make(std::move(request), *this)) {
    transfer_->start();
}

RemoteAttempt::~RemoteAttempt() {
    if (done_seen_ && transfer_ && !transfer_->is_finished())
        services_.transfers.drain(std::move(transfer_));
}

asio::awaitable<AttemptBatch> RemoteAttempt::next() {
    while (!has_news() && !std::exchange(woken_, false)) {
        waiting_ = true;
        co_await wake_.wait();
        waiting_ = false;
    }
    woken_ = false;
    AttemptBatch batch;
    batch.chunks = std::exchange(chunks_, {});
    n_chunk_bytes_ = 0;
    if (end_) {
        batch.end = std::exchange(end_, std::nullopt);
        has_given_end_ = true;
    } else {
        unpark();
    }
    co_return batch;
}

void RemoteAttempt::cancel() {
    if (end_ || has_given_end_) return;
    AttemptEnd end;
    end.kind = AttemptEnd::Kind::cancelled;
    end.detail = "cancelled";
    finish(std::move(end));
    close_transfer();
    fire_soon();
}

void RemoteAttempt::wake() {
    if (!waiting_) return;
    woken_ = true;
    fire_soon();
}

void RemoteAttempt::on_connected() {
    clock_.connected();
    transfer_->deadline_moved();
}

TransferSink::Take RemoteAttempt::on_bytes(std::string_view bytes) {
    if (end_ || has_given_end_) return done_seen_ ? Take::more : Take::abort;
    if (parked_) return Take::pause;
    const TimePoint now = std::chrono::steady_clock::now();
    if (body_ == Body::unknown) body_ = body_kind();
    if (body_ == Body::events && n_chunk_bytes_ >= services_.limits.stream_buffer_bytes) {
        parked_ = true;
        clock_.parked(true, now);
        return Take::pause;
    }
    clock_.read(now);
    switch (body_) {
        case Body::events:
            return take_events(bytes);
        case Body::whole:
            answered();
            return take_whole(bytes, services_.limits.answer_bytes_max);
        case Body::error:
        case Body::unknown:
            break;
    }
    return take_whole(bytes, kErrorBytesMax);
}

RemoteAttempt::Body RemoteAttempt::body_kind() const {
    if (transfer_->status() != 200) return Body::error;
    if (!streamed_) return Body::whole;
    // A stream is what says so, or says nothing: everything else at this place is some kind of
    // error.
    const std::string type = transfer_->content_type();
    return type.empty() || starts_with(type, "text/event-stream") ? Body::events : Body::error;
}

TransferSink::Take RemoteAttempt::take_events(std::string_view bytes) {
    parsed_.clear();
    const bool fits = sse_.feed(bytes, parsed_);
    for (SseEvent& event : parsed_) {
        if (end_) break;
        take_event(std::move(event));
    }
    if (!end_ && !fits) fail(failed(FailureClass::malformed, "an event above sse_event_bytes_max"));
    return end_ && !done_seen_ ? Take::abort : Take::more;
}

void RemoteAttempt::take_event(SseEvent&& event) {
    EventLook look = events_.event(std::move(event));
    switch (look.kind) {
        case EventLook::Kind::skip:
            return;
        case EventLook::Kind::chunk:
            if (look.before) take_chunk(std::move(*look.before));
            return take_chunk(std::move(look.chunk));
        case EventLook::Kind::failed:
            return fail(std::move(*look.failure));
        case EventLook::Kind::done:
            break;
    }
    if (!events_.all_ended())
        return fail(failed(FailureClass::cut, "[DONE] without finish_reason"));
    done_seen_ = true;
    finish({});
}

void RemoteAttempt::answered() {
    if (clock_.is_answered()) return;
    clock_.answered();
    transfer_->deadline_moved();
}

void RemoteAttempt::take_chunk(ChatChunk&& chunk) {
    if (!chunk.usage_only) answered();
    n_chunk_bytes_ += static_cast<int64_t>(chunk.data.size());
    chunks_.push_back(std::move(chunk));
}

TransferSink::Take RemoteAttempt::take_whole(std::string_view bytes, int64_t n_max) {
    if (whole_.empty()) {
        while (!bytes.empty() && is_json_blank(bytes.front())) bytes.remove_prefix(1);
    }
    const size_t room = static_cast<size_t>(n_max) - whole_.size();
    whole_.append(bytes.substr(0, room));
    if (bytes.size() <= room) return Take::more;
    if (body_ == Body::whole) {
        fail(failed(FailureClass::malformed, "an answer above answer_bytes_max"));
    } else {
        end_of_error();  // what came is enough to judge by
    }
    return Take::abort;
}

void RemoteAttempt::on_done(const char* error) {
    if (end_ || has_given_end_) return;
    if (body_ == Body::unknown) body_ = body_kind();
    const int status = transfer_->status();
    if (body_ == Body::error && status != 0) return end_of_error();
    if (!error) return body_ == Body::events ? end_of_events() : end_of_whole();
    // Every choice has said its last: that the connection broke behind it takes nothing away.
    if (body_ == Body::events && events_.asked_ended()) return finish({});
    // Nothing of an answer came: as good as no connection, whichever of the two broke.
    const bool answered = status != 0;
    fail(failed(answered ? FailureClass::cut : FailureClass::connect, error));
}

void RemoteAttempt::end_of_events() {
    if (auto last = sse_.finish()) {
        // Half an event is how a cut looks, not a malformed one.
        EventLook look = events_.event(std::move(*last));
        if (look.before) take_chunk(std::move(*look.before));
        if (look.kind == EventLook::Kind::chunk) take_chunk(std::move(look.chunk));
        if (look.kind == EventLook::Kind::failed &&
            look.failure->failure != FailureClass::malformed) {
            return fail(std::move(*look.failure));
        }
    }
    if (!events_.asked_ended())
        return fail(failed(FailureClass::cut, "closed before the answer ended"));
    finish({});
}

void RemoteAttempt::end_of_whole() {
    EventLook look = events_.whole(std::move(whole_));
    if (look.kind == EventLook::Kind::failed) return fail(std::move(*look.failure));
    take_chunk(std::move(look.chunk));
    finish({});
}

void RemoteAttempt::end_of_error() {
    const int status = transfer_->status();
    const ErrorBody body = read_error_body(whole_);
    if (status == 200 && body.message.empty() && body.type.empty() && body.code.empty()) {
        return fail(failed(FailureClass::malformed, "the answer is no event stream"));
    }
    Failure failure = classify(status, body);
    failure.retry_after =
        parse_retry_after(transfer_->header("retry-after-ms"), transfer_->header("retry-after"),
                          wall_clock_now().ms / 1'000);
    fail(std::move(failure));
}

void RemoteAttempt::fail(Failure failure) {
    AttemptEnd end;
    end.kind = AttemptEnd::Kind::failed;
    end.failure = failure.failure;
    end.detail = std::move(failure.detail);
    end.message = std::move(failure.message);
    end.type = std::move(failure.type);
    end.param = std::move(failure.param);
    end.code = std::move(failure.code);
    end.upstream_status = failure.upstream_status;
    end.retry_after = failure.retry_after;
    finish(std::move(end));
}

void RemoteAttempt::finish(AttemptEnd end) {
    end.usage = events_.usage();
    end.finish_reason = events_.finish_reason();
    if (transfer_) {
        if (end.upstream_status == 0) end.upstream_status = transfer_->status();
        if (transfer_->status() != 0) end.upstream_request = request_id(*transfer_);
    }
    end_ = std::move(end);
}

void RemoteAttempt::on_deadline(TimePoint) {
    if (clock_.deadline() > std::chrono::steady_clock::now() || end_ || has_given_end_) return;
    // An upstream that says its last and then neither [DONE] nor goodbye has answered.
    if (body_ == Body::events && events_.asked_ended()) return finish({});
    fail(clock_.failure());
}

TimePoint RemoteAttempt::deadline() const {
    return end_ || has_given_end_ ? TimePoint::max() : clock_.deadline();
}

void RemoteAttempt::on_turn_end() {
    if (end_ && !done_seen_) close_transfer();
    if (!waiting_ || !has_news()) return;
    if (!end_ && taker_ && taker_->take_chunks(chunks_)) {
        n_chunk_bytes_ = 0;
        unpark();
        return;
    }
    waiting_ = false;
    woken_ = true;  // also where the taker left no chunk
    wake_.fire();   // may destroy this
}

void RemoteAttempt::unpark() {
    if (!parked_ || !transfer_) return;
    parked_ = false;
    clock_.parked(false, std::chrono::steady_clock::now());
    transfer_->deadline_moved();
    transfer_->unpause();
}

void RemoteAttempt::close_transfer() {
    transfer_.reset();
}

void RemoteAttempt::fire_soon() {
    boost::asio::post(services_.io, [this, alive = std::weak_ptr<int>(alive_)] {
        if (alive.expired() || !std::exchange(waiting_, false)) return;
        wake_.fire();
    });
}

}  // namespace gateway
