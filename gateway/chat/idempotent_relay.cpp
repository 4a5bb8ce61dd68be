#include "gateway/chat/idempotent_relay.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/api/idempotency_errors.h"
#include "gateway/chat/answer_keeper.h"
#include "gateway/chat/lasting_exchange.h"
#include "gateway/chat/running_keys.h"
#include "gateway/telemetry/wall_clock.h"

namespace gateway {

namespace {

std::span<const unsigned char> bytes_of(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

using Earlier = billing::Result<std::optional<billing::EarlierRequest>>;

asio::awaitable<Earlier> find_elsewhere(billing::Billing& billing, billing::AccountId account,
                                        billing::Digest key, billing::UnixMillis now) {
    co_return billing.find_earlier(account, key, now);
}

class OnceRelay {
public:
    OnceRelay(RelayServices& services, RelayRequest&& request, HttpExchange& exchange)
        : services_(services), request_(std::move(request)), exchange_(exchange) {}

    asio::awaitable<void> run(std::string key, std::string body) {
        if (auto refused = check_idempotency_key(key)) {
            co_await refuse(*refused);
            co_return;
        }
        billing::Sha256 sha256;
        const billing::IdempotencyKey once{sha256(bytes_of(key)), sha256(bytes_of(body))};
        const int64_t account = request_.caller.account.n;
        // Before the look at what is kept: what ends meanwhile is either still claimed or there.
        std::optional<RunningKeys::Claim> claim;
        switch (services_.running_keys.claim(account, once, claim)) {
            case RunningKeys::Answer::claimed:
                break;
            case RunningKeys::Answer::in_use:
                co_await refuse(key_still_running());
                co_return;
            case RunningKeys::Answer::another_request:
                co_await refuse(key_of_another_request());
                co_return;
        }
        const billing::UnixMillis now = wall_clock_now();
        Earlier earlier = co_await asio::co_spawn(
            services_.workers,
            find_elsewhere(services_.billing, request_.caller.account, once.key, now),
            asio::use_awaitable);
        if (!earlier) {
            co_await refuse(api_error(earlier.error()));
            co_return;
        }
        if (*earlier) {
            co_await repeat(**earlier, once);
            co_return;
        }
        if (!has_room(now)) {
            co_await refuse(kept_answers_full());
            co_return;
        }
        claim->run();
        request_.once = once;
        LastingExchange lasting(exchange_);
        co_await relay_chat(services_, std::move(request_), std::move(body), lasting);
    }

private:
    bool has_room(billing::UnixMillis now) const {
        const billing::AccountId account = request_.caller.account;
        const int64_t n_kept = services_.billing.n_bytes_kept(account, now);
        const int64_t n_coming = services_.running_keys.n_running(account.n) * kKeptAnswerBytesMax;
        return n_kept + n_coming <= request_.snapshot->config->limits.idempotency_bytes_max;
    }

    asio::awaitable<void> repeat(const billing::EarlierRequest& earlier,
                                 const billing::IdempotencyKey& once) {
        if (earlier.body != once.body) {
            co_await refuse(key_of_another_request());
            co_return;
        }
        request_.request_id = services_.request_names.name(earlier.request);
        if (!earlier.answer) {
            co_await refuse(key_orphaned(request_.request_id));
            co_return;
        }
        auto answer = answer_of(*earlier.answer);
        if (!answer) {
            co_await refuse(answer_not_kept(request_.request_id));
            co_return;
        }
        answer->fields.emplace_back("idempotent-replayed", "true");
        co_await send(std::move(*answer), "replayed", billing::Outcome::ok);
    }

    asio::awaitable<void> refuse(const ApiError& error) {
        HttpAnswer answer;
        answer.status = error.status;
        answer.body = error_body(error);
        answer.fields.insert(answer.fields.end(), error.headers.begin(), error.headers.end());
        co_await send(
            std::move(answer), error.code.value_or(error.type),
            error.status < 500 ? billing::Outcome::caller_error : billing::Outcome::internal);
    }

    asio::awaitable<void> send(HttpAnswer answer, std::string detail, billing::Outcome outcome) {
        RequestRecord record;
        record.request_id = request_.request_id;
        record.client_request_id = request_.client_request_id;
        record.status = answer.status;
        record.outcome = outcome;
        record.detail = std::move(detail);
        answer.fields.emplace_back("x-request-id", request_.request_id);
        if (!request_.client_request_id.empty())
            answer.fields.emplace_back("x-client-request-id", request_.client_request_id);
        answer.fields.emplace_back("cache-control", "private, no-store");
        co_await exchange_.send(std::move(answer));
        record.total = std::chrono::steady_clock::now() - request_.received;
        request_.snapshot->metrics->record(record);
        services_.log.request(record, *request_.snapshot->config, &services_.io);
    }

    RelayServices& services_;
    RelayRequest request_;
    HttpExchange& exchange_;
};

}  // namespace

asio::awaitable<void> relay_once(RelayServices& services, RelayRequest request, std::string key,
                                 std::string body, HttpExchange& exchange) {
    OnceRelay relay(services, std::move(request), exchange);
    co_await relay.run(std::move(key), std::move(body));
}

}  // namespace gateway
