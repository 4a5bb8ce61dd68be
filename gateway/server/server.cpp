#include "gateway/server/server.h"

#include <boost/asio/post.hpp>
#include <stdexcept>

#include "gateway/server/io_worker.h"
#include "gateway/server/listener.h"
#include "gateway/server/tls_context.h"

namespace gateway {
namespace {

class HttpServer final : public Server {
public:
    HttpServer(const config::Listen& listen, const config::Limits& limits,
               std::shared_ptr<asio::ssl::context> tls,
               std::vector<std::unique_ptr<IoThread>>& threads, HttpHandler& handler)
        : has_tls_(tls != nullptr),
          shared_(std::make_shared<IoWorker::Shared>(handler)),
          settings_(std::make_shared<ConnectionSettings>(ConnectionSettings::Values{
              std::make_shared<const config::Limits>(limits), std::move(tls)})) {
        shared_->half_closed_clients = listen.half_closed_clients;
        for (const auto& thread : threads) {
            workers_.push_back(std::make_shared<IoWorker>(*thread, shared_));
        }
        listeners_.push_back(listen_tcp(listen, workers_, settings_));
        if (!listen.socket.empty())
            listeners_.push_back(listen_unix(listen.socket, workers_, settings_));
    }
    ~HttpServer() override {
        for (const auto& worker : workers_) worker->drop_all();
    }

    std::vector<std::string> addresses() const override {
        std::vector<std::string> all;
        for (const auto& listener : listeners_) all.push_back(listener->address());
        return all;
    }
    void start() override {
        for (const auto& listener : listeners_) listener->start();
    }
    std::optional<std::string> reload_tls(const config::Tls& tls) override {
        if (!has_tls_) return "tls: the listener speaks plain HTTP; TLS takes a restart";
        auto fresh = make_tls_context(tls);
        if (!fresh) return std::move(fresh.error());
        settings_->set_tls(std::move(*fresh));
        return std::nullopt;
    }
    void set_limits(const config::Limits& limits) override { settings_->set_limits(limits); }
    void stop_accepting() override {
        for (const auto& listener : listeners_)
            asio::post(workers_.front()->io(), [listener] { listener->stop(); });
        for (const auto& worker : workers_) {
            asio::post(worker->io(), [worker] { worker->drain(); });
        }
    }
    void abort_all() override {
        for (const auto& worker : workers_) {
            asio::post(worker->io(), [worker] { worker->abort_all(); });
        }
    }
    const ServerCounters& counters() const override { return shared_->counters; }

private:
    const bool has_tls_;
    const std::shared_ptr<IoWorker::Shared> shared_;
    const std::shared_ptr<ConnectionSettings> settings_;
    std::vector<std::shared_ptr<IoWorker>> workers_;
    std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace

std::unique_ptr<Server> Server::create(const config::Listen& listen, const config::Limits& limits,
                                       const std::optional<config::Tls>& tls,
                                       std::vector<std::unique_ptr<IoThread>>& threads,
                                       HttpHandler& handler) {
    std::shared_ptr<asio::ssl::context> context;
    if (tls) {
        auto made = make_tls_context(*tls);
        if (!made) throw std::runtime_error(made.error());
        context = std::move(*made);
    }
    return std::make_unique<HttpServer>(listen, limits, std::move(context), threads, handler);
}

}  // namespace gateway
