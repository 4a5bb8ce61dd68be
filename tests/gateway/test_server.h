#pragma once
// The server under test on port 0, with its io threads.
#include <boost/asio/executor_work_guard.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/server/server.h"
#include "tests/gateway/scripted_handler.h"

namespace test {

class TestServer {
public:
    struct Options {
        config::Limits limits;
        std::optional<config::Tls> tls;
        bool half_closed_clients = false;
        int n_threads = 1;
    };

    TestServer() : TestServer(Options()) {}
    explicit TestServer(const Options& options) {
        config::Listen listen;
        listen.port = 0;
        listen.half_closed_clients = options.half_closed_clients;
        for (int i = 0; i < options.n_threads; ++i) {
            threads_.push_back(std::make_unique<gateway::IoThread>());
            threads_.back()->index = static_cast<size_t>(i);
        }
        server_ = gateway::Server::create(listen, options.limits, options.tls, threads_, handler_);
        server_->start();
        for (const auto& thread : threads_) {
            work_.emplace_back(thread->io.get_executor());
            running_.emplace_back([&io = thread->io] { io.run(); });
        }
    }
    ~TestServer() { stop(); }

    // Closes what is left and waits: an io_context ends once its last connection has.
    void stop() {
        server_->stop_accepting();
        server_->abort_all();
        work_.clear();
        for (std::thread& thread : running_) {
            if (thread.joinable()) thread.join();
        }
    }

    gateway::Server& operator*() { return *server_; }
    gateway::Server* operator->() { return server_.get(); }
    std::string address() const { return server_->address(); }
    ScriptedHandler& handler() { return handler_; }

private:
    ScriptedHandler handler_;
    std::vector<std::unique_ptr<gateway::IoThread>> threads_;
    std::unique_ptr<gateway::Server> server_;
    std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
    std::vector<std::thread> running_;
};

// "GET path" with a Host and what else is given.
inline std::string get(const std::string& path, const std::string& more = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + more + "\r\n";
}

inline std::string post(const std::string& path, const std::string& body,
                        const std::string& more = {}) {
    return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace test
