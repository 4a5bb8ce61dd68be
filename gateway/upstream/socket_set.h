#pragma once
// Readiness of many sockets for the price of one wait: an epoll set of its own, nested in Asio's,
// so that a socket is registered once and every ready one of a turn shares a wait.
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace gateway {

// What has become possible. `ended`: the peer has ended its direction, or the socket is broken;
// then it is readable, too.
struct Readiness {
    bool readable = false, writable = false, ended = false;
};

class SocketWatcher {
public:
    virtual ~SocketWatcher() = default;
    // May destroy this.
    virtual void on_ready(Readiness ready) = 0;
};

// A new epoll set; throws std::system_error.
int make_epoll();

// Confined to one io thread. Edge-triggered: told once, a watcher reads until a short read (behind
// which more may only come with another word) or, if the peer has ended, until the end.
class SocketSet {
public:
    // `turn_end` is called after the watchers of each wait.
    SocketSet(boost::asio::io_context& io, std::function<void()> turn_end);
    ~SocketSet();
    SocketSet(const SocketSet&) = delete;
    SocketSet& operator=(const SocketSet&) = delete;

    // `events`: EPOLLIN, EPOLLOUT or both; 0: forget it. Other events than before are told anew.
    // Throws std::system_error.
    void watch(int fd, uint32_t events, SocketWatcher& watcher);
    // Before it is closed.
    void forget(int fd);

private:
    struct Entry {
        SocketWatcher* watcher = nullptr;
        uint32_t events = 0;
    };
    void wait();
    void turn();

    boost::asio::posix::stream_descriptor epoll_;
    const std::function<void()> turn_end_;
    std::vector<Entry> entries_;  // by fd
    std::shared_ptr<int> alive_ =
        std::make_shared<int>(0);  // a handler that outlasts this looks at it
};

}  // namespace gateway
