#pragma once
// The HTTP/1.1 server: listeners, connections, TLS, limits, deadlines. One io_context per io
// thread; a connection stays on the thread that it was given to.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "gateway/server/http_types.h"

namespace gateway {

// One io thread's context. Others on the same thread (curl_multi, commit mailbox) are built on it.
// Sockets and timers of `io` are touched by its own thread only, so Asio need not lock them: that
// saves a twentieth of a short request. Other threads may post to it.
struct IoThread {
    size_t index = 0;
    asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
};

struct ServerCounters {
    std::atomic<int64_t> n_connections_open{0};
    std::atomic<int64_t> n_connections_accepted{0};
    std::atomic<int64_t> n_connections_refused{0};  // above limits.n_connections_max
    std::atomic<int64_t> n_framing_errors{0};
};

// Destroyed only once the io threads run no more: it ends what they left behind.
class Server {
public:
    // Binds and listens; throws std::runtime_error with one clear line when it cannot. `threads`
    // and `handler` outlive the server. Port 0 takes a free one.
    static std::unique_ptr<Server> create(const config::Listen& listen,
                                          const config::Limits& limits,
                                          const std::optional<config::Tls>& tls,
                                          std::vector<std::unique_ptr<IoThread>>& threads,
                                          HttpHandler& handler);
    virtual ~Server() = default;
    // As bound: "127.0.0.1:8080", and "unix:/run/weir.sock" behind it if there is one.
    virtual std::vector<std::string> addresses() const = 0;
    std::string address() const { return addresses().front(); }
    virtual void start() = 0;  // begins to accept; any thread
    // Reads the certificate again for new connections. Errors: one line; the old one stays.
    virtual std::optional<std::string> reload_tls(const config::Tls& tls) = 0;
    virtual void set_limits(const config::Limits& limits) = 0;  // for new connections
    // Drain: closes the listeners; answers from now on say connection: close; idle connections are
    // closed.
    virtual void stop_accepting() = 0;
    // Ends what is left: every exchange's client counts as gone; connections are closed once
    // handle() returned.
    virtual void abort_all() = 0;
    virtual const ServerCounters& counters() const = 0;
};

}  // namespace gateway
