#pragma once
// The exchange of a request whose answer is kept: it goes on when its client is gone, so that the
// client can ask for the answer again.
#include <boost/asio/awaitable.hpp>
#include <utility>

#include "gateway/server/http_types.h"

namespace gateway {

// Outlived by the exchange that it stands before.
class LastingExchange final : public HttpExchange {
public:
    explicit LastingExchange(HttpExchange& exchange) : exchange_(exchange) {}

    asio::awaitable<bool> send(HttpAnswer answer) override {
        co_await exchange_.send(std::move(answer));
        co_return true;
    }
    void begin_stream(std::string_view content_type, HttpFields fields) override {
        exchange_.begin_stream(content_type, std::move(fields));
    }
    asio::awaitable<bool> write(std::string_view bytes) override {
        co_await exchange_.write(bytes);
        co_return true;
    }
    bool write_now(std::string_view bytes) override {
        return exchange_.client_gone() || exchange_.write_now(bytes);
    }
    asio::awaitable<bool> end_stream() override {
        co_await exchange_.end_stream();
        co_return true;
    }
    void abort_stream() override { exchange_.abort_stream(); }
    void on_client_gone(std::function<void()>) override {}
    bool client_gone() const override { return false; }

private:
    HttpExchange& exchange_;
};

}  // namespace gateway
