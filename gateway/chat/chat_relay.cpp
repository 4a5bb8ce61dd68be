#include "gateway/chat/chat_relay.h"

#include "gateway/api/chat_encoder.h"
#include "gateway/api/request_id.h"
#include "gateway/api/usage_chunk.h"
#include "gateway/chat/answer_fields.h"
#include "gateway/chat/answer_keeper.h"
#include "gateway/chat/charge.h"
#include "gateway/chat/chat_plan.h"
#include "gateway/chat/endpoint_note.h"
#include "gateway/chat/event_stream.h"
#include "gateway/chat/failpoint.h"
#include "gateway/chat/further_attempts.h"
#include "gateway/chat/lap.h"
#include "gateway/chat/plan_order.h"
#include "gateway/chat/rate_gate.h"
#include "gateway/chat/reasoning_note.h"
#include "gateway/chat/start_attempt.h"
#include "gateway/chat/stream_progress.h"
#include "gateway/telemetry/wall_clock.h"

namespace gateway {

namespace {

using billing::Outcome;
using std::chrono::steady_clock;

class Relay final : public HeartbeatListener, public ChunkTaker {
public:
    Relay(RelayServices& services, RelayRequest&& request, HttpExchange& exchange)
        : services_(services),
          request_(std::move(request)),
          config_(*request_.snapshot->config),
          exchange_(exchange),
          stream_(exchange),
          reserve_ticket_(services.mailbox) {
        record_.request_id = request_.request_id;
        record_.client_request_id = request_.client_request_id;
    }

    asio::awaitable<void> run(std::string body) {
        co_await serve(std::move(body));
        if (rate_) rate_->note_used(record_.tokens);
        if (stream_.began()) services_.metrics.stream_closed();
        record_.total = steady_clock::now() - request_.received;
        request_.snapshot->metrics->record(record_);
        services_.log.request(record_, config_, &services_.io);
    }

    // A silent stream gets a comment line; the attempt's wait is interrupted so that run() writes
    // it.
    void on_heartbeat(TimePoint now) override {
        if (services_.ending && attempt_ && !std::exchange(ended_by_us_, true)) {
            attempt_->cancel();
            return;
        }
        if (!attempt_ || !chat_.stream) return;
        if (progress_.is_due(now)) checkpoint(now);
        if (now - stream_.last_write() < config_.limits.keepalive) return;
        heartbeat_due_ = true;
        attempt_->wake();
    }

    // A stream that flows: its first event has told that the RESERVE is on disk, the client reads.
    bool take_chunks(std::vector<ChatChunk>& chunks) override {
        if (!stream_.began() || stream_.is_pending() || client_gone_ || reserve_failed_)
            return false;
        for (const ChatChunk& chunk : chunks) take(chunk);
        chunks.clear();
        checkpoint_if_far();
        const bool written = !stream_.is_pending() || stream_.write_now();
        if (written) pass(Failpoint::k6);
        return written;
    }

private:
    asio::awaitable<void> serve(std::string body) {
        auto parsed = parse_chat_request(std::move(body), config_);
        TimePoint mark = lap(record_.parse, request_.received);
        if (!parsed) {
            co_await answer_error(parsed.error());
            co_return;
        }
        chat_ = std::move(*parsed);
        record_.stream = chat_.stream;
        if (chat_.include_obfuscation) stream_.obfuscate(services_.dice);
        if (request_.once) stream_.keep(keeper_.emplace());
        if (const auto route = config_.route_by_model.find(chat_.model);
            route != config_.route_by_model.end())
            record_.route = route->second;
        if (auto refused = take_in()) {
            co_await answer_error(*refused);
            co_return;
        }

        const config::UnixMillis now = wall_clock_now();
        const PlanTerms terms{static_cast<uint64_t>(request_.caller.account.n),
                              services_.dice(),
                              now,
                              request_.caller.scope.get(),
                              false,
                              &services_.reasoning,
                              request_.headers};
        auto plan = co_await plan_chat(chat_, *request_.snapshot, services_.workers, terms);
        mark = lap(record_.plan, mark);
        if (!plan) {
            co_await answer_error(plan.error());
            co_return;
        }
        plan_ = std::move(*plan);
        pass(Failpoint::k1);

        auto hold = services_.billing.reserve(
            {request_.caller, config_.routes[plan_.route].name, plan_.amount, now,
             [this](config::UnixMillis at) { return price_plan(plan_, config_, at); },
             request_.once},
            reserve_ticket_);
        if (!hold) {
            co_await answer_error(api_error(hold.error()));
            co_return;
        }
        pass(Failpoint::k2);
        hold_ = *hold;
        record_.ledger_request = hold_.request.n;
        unheld_id_ =
            std::exchange(request_.request_id, services_.request_names.name(hold_.request));
        record_.request_id = request_.request_id;
        reserve_began_ = mark;
        exchange_.on_client_gone([this] {
            client_gone_ = true;
            if (attempt_) attempt_->cancel();
            if (further_) further_->stop_waiting();
        });
        co_await attempt_in_order();
        exchange_.on_client_gone({});
    }

    // The limits of key and account, before anything is spent on the request.
    std::optional<ApiError> take_in() {
        if (!record_.route) return {};
        auto claims = rate_claims(config_, *record_.route,
                                  {request_.caller.key.n, request_.caller.account.n});
        if (claims.empty()) return {};
        const int64_t n_tokens = chat_.n_prompt_tokens_estimate;
        const auto levels = services_.rates.admit(claims, n_tokens, steady_clock::now());
        rate_levels_ = levels ? *levels : levels.error().levels;
        if (!levels) return api_error(levels.error(), chat_.model);
        rate_.emplace(services_.rates, std::move(claims), n_tokens);
        return {};
    }

    asio::awaitable<void> attempt_in_order() {
        const Heartbeat::Entry listening(services_.heartbeat, *this);
        further_.emplace(services_, request_, plan_);
        for (size_t i = 0;;) {
            if (client_gone_ || exchange_.client_gone()) {
                // Nothing was dispatched since the last failure: nothing is charged.
                client_gone_ = true;
                if (co_await reserve_is_durable())
                    services_.billing.release(hold_, Outcome::client_gone, wall_clock_now(),
                                              nullptr, attempts_);
                record_.outcome = Outcome::client_gone;
                exchange_.abort_stream();
                co_return;
            }
            const PlannedStep& step = plan_.steps[i];
            step_ = &step;
            record_.endpoint = step.attempt.endpoint;
            record_.reasoning = routing::describe(step.attempt.asked, step.attempt.thinking);
            record_.reason = reason_of(plan_, config_, step, failed_before_);
            ++record_.n_attempts;
            AttemptEnd end = co_await attempt(step);
            note_attempt(step, end);
            times_.ended = steady_clock::now();
            note_health(services_, *request_.snapshot, step.attempt.endpoint,
                        {end, times_, estimate_tokens(facts_.n_text_bytes), ended_by_us_});
            const bool answered = end.kind != AttemptEnd::Kind::failed;
            request_.snapshot->metrics->attempt(
                step.attempt.endpoint, answered ? std::nullopt : std::optional(end.failure));
            const bool may_go_on = !answered && !answer_began_ && !reserve_failed_ && !client_gone_;
            if (may_go_on && co_await further_->next(i, end)) {
                failed_before_ = end.failure;
                continue;
            }
            co_await conclude(step, std::move(end));
            co_return;
        }
    }

    // Runs one attempt to its end and passes its events on. What it has sent stands in facts_.
    asio::awaitable<AttemptEnd> attempt(const PlannedStep& step) {
        facts_ = {config_.endpoints[step.attempt.endpoint].engine.has_value(), false,
                  step.n_prompt_estimate, step.n_prompt_held, step.n_output_held};
        started_ = wall_clock_now();
        times_ = {steady_clock::now(), {}, {}};
        progress_.restart(times_.began);
        request_.snapshot->health[step.attempt.endpoint]->begin();
        pass(Failpoint::k3);
        auto started = start_attempt(services_, request_, chat_, plan_, step);
        pass(Failpoint::k4);
        if (!started) co_return std::move(started.error());
        attempt_ = std::move(*started);
        if (chat_.stream) attempt_->pass_to(*this);
        request_.snapshot->metrics->inflight(step.attempt.endpoint, 1);
        std::optional<AttemptEnd> end;
        while (!end) {
            AttemptBatch batch = co_await attempt_->next();
            if (std::exchange(heartbeat_due_, false) && batch.chunks.empty() && !batch.end)
                co_await send_keepalive();
            for (ChatChunk& chunk : batch.chunks) {
                take(chunk);
                if (!chat_.stream) body_ = std::move(chunk.data);
            }
            end = std::move(batch.end);
            if (!end && chat_.stream) checkpoint_if_far();
            // The last events leave together with [DONE], once SETTLE is on disk.
            if (!end && stream_.is_pending()) co_await flush();
        }
        pass(Failpoint::k7);
        attempt_.reset();
        request_.snapshot->metrics->inflight(step.attempt.endpoint, -1);
        co_return std::move(*end);
    }

    void checkpoint_if_far() {
        if (progress_.is_far(estimate_tokens(facts_.n_text_bytes))) checkpoint(steady_clock::now());
    }

    // How far the answer has come is written, for the day that this process does not see its end.
    void checkpoint(TimePoint now) {
        const bool is_new = progress_.advance(now, estimate_tokens(facts_.n_text_bytes));
        if (!is_new || client_gone_ || reserve_failed_) return;
        billing::Checkpoint reached =
            checkpoint_of(facts_, config_.endpoints[*record_.endpoint], step_->price);
        reached.started = started_;
        reached.now = wall_clock_now();
        services_.billing.checkpoint(hold_, reached);
    }

    // What it cost the operator is written with the end of the request.
    void note_attempt(const PlannedStep& step, const AttemptEnd& end) {
        billing::AttemptRecord& record = attempts_.emplace_back(
            record_of(end, facts_, config_.endpoints[step.attempt.endpoint], step.price));
        record.started = started_;
        record.ended = wall_clock_now();
    }

    // One event of the answer: into what the next write empties.
    void take(const ChatChunk& chunk) {
        pass(Failpoint::k5);
        if (record_.ttft.count() == 0) record_.ttft = steady_clock::now() - request_.received;
        facts_.n_text_bytes += chunk.n_text_bytes;
        facts_.n_reasoning_bytes += chunk.n_reasoning_bytes;
        if (!chat_.stream) return;
        if (times_.first_event == TimePoint()) times_.first_event = steady_clock::now();
        answer_began_ = true;
        if (chunk.usage_only && !chat_.include_usage) return;
        usage_told_ |= chunk.usage_only;
        if (chat_.include_usage && sample_.empty()) sample_ = chunk.data;
        const std::string note = is_degraded() ? told(chunk.data) : "";
        stream_.event(note.empty() ? chunk.data : note);
    }

    asio::awaitable<bool> reserve_is_durable() {
        const bool durable = co_await reserve_ticket_.durable();
        if (record_.reserve.count() == 0) lap(record_.reserve, reserve_began_);
        co_return durable;
    }

    // Writes what has gathered, head first. No byte goes out before the RESERVE is on disk.
    asio::awaitable<void> flush() {
        if (client_gone_ || reserve_failed_) {
            stream_.drop();
            co_return;
        }
        // Known after the first write: later ones spare the question.
        if (!stream_.began() && !co_await reserve_is_durable()) {
            reserve_failed_ = true;
            if (attempt_) attempt_->cancel();
            stream_.drop();
            co_return;
        }
        begin_stream();
        const bool written = co_await stream_.write();
        if (written) {
            pass(Failpoint::k6);
            co_return;
        }
        client_gone_ = true;
        if (attempt_) attempt_->cancel();
    }

    asio::awaitable<void> send_keepalive() {
        if (steady_clock::now() - stream_.last_write() < config_.limits.keepalive) co_return;
        stream_.comment("keep-alive");
        co_await flush();
        services_.metrics.keepalive_sent();
    }

    void begin_stream() {
        if (stream_.began()) return;
        services_.metrics.stream_opened();
        stream_.begin(answer_fields());
        record_.status = 200;
        head_names_endpoint_ = answer_began_;
    }

    // The request has ended: settle or release, then tell the client.
    asio::awaitable<void> conclude(const PlannedStep& step, AttemptEnd end) {
        if (ended_by_us_ && end.kind == AttemptEnd::Kind::cancelled && !client_gone_) {
            end.kind = AttemptEnd::Kind::failed;
            end.failure = config::FailureClass::overloaded;
            end.detail = "the server is stopping";
        }
        record_.detail = end.detail;
        facts_.client_gone = client_gone_;
        const Charge charge = charge_for(end, facts_);
        if (end.kind == AttemptEnd::Kind::complete) complete_answer(charge);
        // An answer that overtook its RESERVE does not wait for it: one commit takes both.
        if (!reserve_failed_) co_await post(step, charge);
        if (!co_await reserve_is_durable()) {
            // The ledger has dropped the hold itself, and the charge with it; after a restart its
            // number may be another's.
            request_.request_id = record_.request_id = unheld_id_;
            record_.outcome = Outcome::internal;
            record_.tokens = {};
            record_.usd = {};
            const billing::Error lost{billing::Errc::ledger_unavailable,
                                      "RESERVE did not reach the disk"};
            co_await answer_error(api_error(lost));
            co_return;
        }
        if (end.kind == AttemptEnd::Kind::complete) {
            co_await send_answer();
        } else {
            const bool failed = end.kind == AttemptEnd::Kind::failed;
            const ApiError error = failed ? api_error(end) : internal_error();
            co_await cut_answer(error);
        }
        pass(Failpoint::k11);
        record_.outcome = client_gone_ ? Outcome::client_gone : charge.outcome;
    }

    // Brings the charge to the disk and into the record.
    asio::awaitable<void> post(const PlannedStep& step, const Charge& charge) {
        const TimePoint began = steady_clock::now();
        note_charge(record_, charge);
        pass(Failpoint::k8);
        if (!charge.settles) {
            // A key is free again once that is on disk, and not before.
            CommitMailbox::Ticket ticket(services_.mailbox);
            services_.billing.release(hold_, charge.outcome, wall_clock_now(),
                                      keeper_ ? &ticket : nullptr, attempts_);
            pass(Failpoint::k9);
            if (keeper_) co_await ticket.durable();
            co_return;
        }
        billing::Settlement settlement =
            settlement_of(charge, config_.endpoints[step.attempt.endpoint], step.price);
        settlement.now = wall_clock_now();
        settlement.attempts = attempts_;
        if (keeper_)
            settlement.answer = keeper_->finish(chat_.stream ? EventStream::kContentType
                                                             : HttpAnswer().content_type);
        CommitMailbox::Ticket ticket(services_.mailbox);
        record_.usd = services_.billing.settle(hold_, settlement, &ticket);
        pass(Failpoint::k9);
        co_await ticket.durable();
        pass(Failpoint::k10);
        lap(record_.settle, began);
    }

    // What is still to be said of an answer that came to its end, before it is settled: what is
    // kept of it goes with SETTLE.
    void complete_answer(const Charge& charge) {
        if (client_gone_) return;
        if (!chat_.stream) {
            if (is_degraded()) body_ = told(body_);
            if (keeper_) keeper_->add(body_);
            return;
        }
        const bool head_names_endpoint = stream_.began() ? head_names_endpoint_ : answer_began_;
        // The head left before anybody knew who answers, or no usage tells of it: a comment does.
        if (!head_names_endpoint || (is_degraded() && !chat_.include_usage)) {
            stream_.comment("x-weir-endpoint=" + endpoint_name() +
                            " x-weir-reasoning=" + record_.reasoning);
        }
        if (chat_.include_usage && !usage_told_)
            stream_.event(told(missing_usage_chunk(sample_, usage_of(charge.tokens))));
        stream_.done();
    }

    asio::awaitable<void> send_answer() {
        if (client_gone_) {
            exchange_.abort_stream();
            co_return;
        }
        if (!chat_.stream) {
            HttpAnswer answer;
            answer.body = std::move(body_);
            answer.fields = answer_fields();
            record_.status = 200;
            client_gone_ = !co_await exchange_.send(std::move(answer));
            co_return;
        }
        begin_stream();
        client_gone_ = !co_await stream_.end();
    }

    // An answer that cannot be finished: as JSON while nothing is out, else as an event in the
    // stream.
    asio::awaitable<void> cut_answer(const ApiError& error) {
        if (!stream_.began() && !answer_began_) {
            co_await answer_error(error);
            co_return;
        }
        begin_stream();
        stream_.event(error_event(error));
        co_await stream_.write();
        stream_.abort();
    }

    asio::awaitable<void> answer_error(const ApiError& error) {
        if (stream_.began()) {
            stream_.drop();
            stream_.event(error_event(error));
            co_await stream_.write();
            stream_.abort();
            co_return;
        }
        HttpAnswer answer;
        answer.status = error.status;
        answer.body = error_body(error);
        answer.fields = answer_fields();
        answer.close = error.close;
        for (const auto& field : error.headers) answer.fields.push_back(field);
        record_.status = error.status;
        record_.outcome = outcome_of(error);
        if (record_.detail.empty()) record_.detail = error.code.value_or(error.type);
        co_await exchange_.send(std::move(answer));
    }

    HttpFields answer_fields() const {
        return gateway::answer_fields({record_, steady_clock::now() - request_.received,
                                       record_.endpoint ? &endpoint_name() : nullptr,
                                       rate_levels_});
    }

    bool is_degraded() const { return step_->attempt.thinking.is_degraded(); }
    std::string told(std::string_view data) const {
        return is_degraded() ? with_reasoning(data, record_.reasoning) : std::string(data);
    }
    const std::string& endpoint_name() const { return config_.endpoints[*record_.endpoint].name; }

    RelayServices& services_;
    RelayRequest request_;
    const config::Config& config_;  // kept alive by request_.snapshot
    HttpExchange& exchange_;
    EventStream stream_;
    std::optional<AnswerKeeper> keeper_;  // of a request whose answer is kept
    RequestRecord record_;
    ChatRequest chat_;
    std::optional<RateTicket> rate_;  // none: no limits are set
    routing::RateLevels rate_levels_;
    ChatPlan plan_;
    const PlannedStep* step_ = nullptr;  // of plan_, tried last
    billing::Hold hold_;
    CommitMailbox::Ticket reserve_ticket_;
    TimePoint reserve_began_;
    std::unique_ptr<Attempt> attempt_;
    config::UnixMillis started_;  // the attempt that runs, or ran last
    AttemptTimes times_;          // of it
    std::optional<config::FailureClass> failed_before_;
    AttemptFacts facts_;
    std::optional<FurtherAttempts> further_;  // once the first is made
    StreamProgress progress_;
    std::vector<billing::AttemptRecord> attempts_;  // that have ended, in their order
    std::string body_;                              // the unstreamed answer
    std::string sample_;  // the first event of a stream whose client wants its usage
    bool client_gone_ = false;
    bool ended_by_us_ = false;
    bool reserve_failed_ = false;
    std::string unheld_id_;  // of the request before it had a hold
    bool heartbeat_due_ = false;
    bool answer_began_ = false;  // an event of the answer was taken: no other endpoint any more
    bool head_names_endpoint_ = false;
    bool usage_told_ = false;  // the usage chunk was taken
};

}  // namespace

asio::awaitable<void> relay_chat(RelayServices& services, RelayRequest request, std::string body,
                                 HttpExchange& exchange) {
    Relay relay(services, std::move(request), exchange);
    co_await relay.run(std::move(body));
}

}  // namespace gateway
