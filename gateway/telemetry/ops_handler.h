#pragma once
// What the metrics port answers: GET /metrics, and health for whoever may only reach this port.
#include "gateway/server/http_types.h"
#include "gateway/telemetry/metrics.h"

namespace gateway {

class OpsHandler final : public HttpHandler {
public:
    // Both outlive the handler.
    OpsHandler(Metrics& metrics, MetricSources sources)
        : metrics_(metrics), sources_(std::move(sources)) {}
    std::optional<HttpAnswer> judge_head(size_t io_thread, const HttpHead& head,
                                         std::shared_ptr<void>& state) override;
    asio::awaitable<void> handle(size_t io_thread, const HttpHead& head, std::string body,
                                 std::shared_ptr<void> state, HttpExchange& exchange) override;
    HttpAnswer refusal(int status, std::string_view reason) override;

private:
    Metrics& metrics_;
    const MetricSources sources_;
};

}  // namespace gateway
