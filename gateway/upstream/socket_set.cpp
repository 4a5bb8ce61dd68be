#include "gateway/upstream/socket_set.h"

#include <sys/epoll.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace gateway {

int make_epoll() {
    const int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    return fd;
}

SocketSet::SocketSet(boost::asio::io_context& io, std::function<void()> turn_end)
    : epoll_(io, make_epoll()), turn_end_(std::move(turn_end)) {
    wait();
}

SocketSet::~SocketSet() = default;

void SocketSet::watch(int fd, uint32_t events, SocketWatcher& watcher) {
    if (events == 0) return forget(fd);
    const auto place = static_cast<size_t>(fd);
    if (place >= entries_.size()) entries_.resize(place + 64);
    Entry& entry = entries_[place];
    entry.watcher = &watcher;
    if (entry.events == events) return;
    epoll_event event{};
    event.events = events | EPOLLRDHUP | EPOLLET;
    event.data.fd = fd;
    const int change = entry.events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(epoll_.native_handle(), change, fd, &event) != 0) {
        entry = {};
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
    entry.events = events;
}

void SocketSet::forget(int fd) {
    const auto place = static_cast<size_t>(fd);
    if (place >= entries_.size() || entries_[place].events == 0) return;
    epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
    entries_[place] = {};
}

void SocketSet::wait() {
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this, alive = std::weak_ptr<int>(alive_)](boost::system::error_code error) {
                          if (error || alive.expired()) return;
                          turn();
                          if (!alive.expired()) wait();
                      });
}

void SocketSet::turn() {
    constexpr int kEventsMax = 128;
    epoll_event events[kEventsMax];
    const int n_events = epoll_wait(epoll_.native_handle(), events, kEventsMax, 0);
    for (int i = 0; i < n_events; ++i) {
        // Gone, or another's by now, if an earlier watcher of this turn closed it.
        SocketWatcher* const watcher = entries_[static_cast<size_t>(events[i].data.fd)].watcher;
        if (!watcher) continue;
        const bool ended = (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        watcher->on_ready({.readable = ended || (events[i].events & EPOLLIN) != 0,
                           .writable = (events[i].events & EPOLLOUT) != 0,
                           .ended = ended});
    }
    turn_end_();
}

}  // namespace gateway
