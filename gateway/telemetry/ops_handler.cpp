#include "gateway/telemetry/ops_handler.h"

namespace gateway {

namespace {

HttpAnswer plain(int status, std::string text) {
    HttpAnswer answer;
    answer.status = status;
    answer.content_type = "text/plain; charset=utf-8";
    answer.body = std::move(text) + "\n";
    return answer;
}

}  // namespace

std::optional<HttpAnswer> OpsHandler::judge_head(size_t, const HttpHead& head,
                                                 std::shared_ptr<void>&) {
    if (head.path != "/metrics" && head.path != "/")
        return plain(404, "Not here. Metrics are at /metrics.");
    if (head.method == "GET" || head.method == "HEAD") return {};
    HttpAnswer answer = plain(405, "Only GET.");
    answer.fields.emplace_back("allow", "GET, HEAD");
    return answer;
}

asio::awaitable<void> OpsHandler::handle(size_t, const HttpHead& head, std::string,
                                         std::shared_ptr<void>, HttpExchange& exchange) {
    if (head.path == "/") {
        co_await exchange.send(plain(200, "Weir. Metrics are at /metrics."));
        co_return;
    }
    HttpAnswer answer;
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = metrics_.text(sources_);
    co_await exchange.send(std::move(answer));
}

HttpAnswer OpsHandler::refusal(int status, std::string_view reason) {
    HttpAnswer answer = plain(status, std::string(reason));
    answer.close = true;
    return answer;
}

}  // namespace gateway
