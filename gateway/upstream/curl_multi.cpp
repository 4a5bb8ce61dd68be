#include "gateway/upstream/curl_multi.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "config/ensure.h"
#include "gateway/upstream/socket_set.h"

namespace gateway {

namespace {

constexpr size_t kEasyFreeMax = 256;
constexpr long kConnectionsCachedMax = 1024;
constexpr int kKicksMax = 50;  // a turn; more wait for the next one

CURLM* make_multi() {
    // Counted by libcurl and never undone: a resolver thread may outlast every client.
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        throw std::runtime_error("libcurl does not start");
    CURLM* const multi = curl_multi_init();
    if (!multi) throw std::bad_alloc();
    return multi;
}

}  // namespace

CurlMulti::CurlMulti(boost::asio::io_context& io)
    : multi_(make_multi()), epoll_(io, make_epoll()), timer_(io), transfers_(io) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &socket_callback);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &timer_callback);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS,
                      kConnectionsCachedMax);  // else it follows the handles
    wait_for_sockets();
}

CurlMulti::~CurlMulti() {
    alive_.reset();
    for (CURL* easy : free_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);  // closes cached connections, through close_callback
}

CURL* CurlMulti::take_easy() {
    if (!free_.empty()) {
        CURL* const easy = free_.back();
        free_.pop_back();
        return easy;
    }
    CURL* const easy = curl_easy_init();
    if (!easy) throw std::bad_alloc();
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                     1L);  // a cancel during name resolution does not wait for it
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");  // or the environment decides
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    // Asks for plain bytes; what comes compressed all the same is inflated as it comes.
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &write_callback);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &connected_callback);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &open_callback);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &close_callback);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
    return easy;
}

void CurlMulti::give_back(CURL* easy) {
    if (free_.size() >= kEasyFreeMax) return curl_easy_cleanup(easy);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, nullptr);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, nullptr);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, nullptr);
    free_.push_back(easy);
}

void CurlMulti::add(CurlTransfer& transfer) {
    transfers_.add(transfer);
    curl_multi_add_handle(multi_, transfer.easy_);
    drive();
    transfers_.deliver_soon();
}

void CurlMulti::remove(CurlTransfer& transfer) {
    if (!transfer.finished_) curl_multi_remove_handle(multi_, transfer.easy_);
    transfers_.remove(transfer);
}

void CurlMulti::drive() {
    int n_running = 0;
    for (int n = 0; kick_ && n < kKicksMax; ++n) {
        kick_ = false;
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &n_running);
    }
    if (std::exchange(kick_, false)) wanted_ = std::chrono::steady_clock::now();
    read_messages();
    arm_timer();
}

void CurlMulti::read_messages() {
    int n_left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &n_left)) {
        if (message->msg != CURLMSG_DONE) continue;
        void* found = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &found);
        auto& transfer = *static_cast<CurlTransfer*>(found);
        const CURLcode code = message->data.result;
        end(transfer, code);  // `message` is gone with this
    }
}

void CurlMulti::end(CurlTransfer& transfer, CURLcode code) {
    curl_multi_remove_handle(multi_, transfer.easy_);
    transfer.finished_ = true;
    transfer.sink_->on_done(code == CURLE_OK ? nullptr : curl_easy_strerror(code));
    transfers_.mark(transfer);
}

void CurlMulti::wait_for_sockets() {
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this, alive = std::weak_ptr<int>(alive_)](boost::system::error_code error) {
                          if (error || alive.expired()) return;
                          handle_sockets();
                          if (alive.expired()) return;
                          wait_for_sockets();
                      });
}

void CurlMulti::handle_sockets() {
    constexpr int kEventsMax = 128;
    epoll_event events[kEventsMax];
    const int n_events = epoll_wait(epoll_.native_handle(), events, kEventsMax, 0);
    for (int i = 0; i < n_events; ++i) {
        const curl_socket_t fd = events[i].data.fd;
        if (!sockets_[static_cast<size_t>(fd)].is_tracked) {
            // An idle connection has something to say, most likely its end: it stays readable and
            // would keep this loop spinning. libcurl finds out when it wants to use it again.
            set_socket(fd, 0);
            continue;
        }
        const bool readable = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
        const bool writable = (events[i].events & EPOLLOUT) != 0;
        int n_running = 0;
        curl_multi_socket_action(
            multi_, fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0),
            &n_running);
    }
    drive();
    transfers_.deliver();
}

void CurlMulti::set_socket(curl_socket_t fd, uint32_t wanted) {
    Socket& socket = sockets_[static_cast<size_t>(fd)];
    epoll_event event{};
    event.events = wanted;
    event.data.fd = fd;
    const int epoll = epoll_.native_handle();
    if (wanted == 0) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    } else if (epoll_ctl(epoll, socket.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) !=
               0) {
        // libcurl closes what has not connected yet, and its resolver's pipes, without a word, and
        // their numbers come back: then what is noted here is out of date.
        const bool again = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ||
                           epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0;
        ENSURE(again);
    }
    socket.registered = wanted;
}

void CurlMulti::untrack(curl_socket_t fd) {
    Socket& socket = sockets_[static_cast<size_t>(fd)];
    socket.is_tracked = false;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    // A connection goes to the cache and will be used again: it stays registered. But it may be
    // closed by now, and its number be anything's.
    const bool stays = socket.is_connection && socket.registered != 0 &&
                       (socket.registered == event.events ||
                        epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, fd, &event) == 0);
    if (stays) {
        socket.registered = event.events;
        return;
    }
    epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
    socket = Socket{};
}

void CurlMulti::arm_timer() {
    if (wanted_ >= armed_) return;  // a later one lets the earlier fire, and looks again
    armed_ = wanted_;
    timer_.expires_at(armed_);
    timer_.async_wait([this, alive = std::weak_ptr<int>(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        armed_ = TimePoint::max();
        if (wanted_ <= std::chrono::steady_clock::now()) {
            wanted_ = TimePoint::max();
            kick_ = true;
        }
        drive();
        transfers_.deliver();
    });
}

int CurlMulti::connected_callback(void* user, char*, char*, int, int) {
    static_cast<CurlTransfer*>(user)->sink_->on_connected();
    return CURL_PREREQFUNC_OK;
}

size_t CurlMulti::write_callback(char* bytes, size_t, size_t n, void* user) {
    auto& transfer = *static_cast<CurlTransfer*>(user);
    TransferSink::Take take = TransferSink::Take::abort;
    try {
        take = transfer.sink_->on_bytes({bytes, n});
    } catch (const std::exception&) {
        // Out of memory: nothing may be thrown through libcurl, and this transfer ends.
    }
    if (take == TransferSink::Take::pause) return CURL_WRITEFUNC_PAUSE;
    transfer.multi_.transfers_.mark(transfer);
    return take == TransferSink::Take::more ? n : 0;
}

int CurlMulti::socket_callback(CURL*, curl_socket_t fd, int what, void* user, void*) {
    auto& multi = *static_cast<CurlMulti*>(user);
    if (static_cast<size_t>(fd) >= multi.sockets_.size())
        multi.sockets_.resize(static_cast<size_t>(fd) + 64);
    if (what == CURL_POLL_REMOVE) {
        multi.untrack(fd);
        return 0;
    }
    const uint32_t wanted = ((what & CURL_POLL_IN) ? uint32_t{EPOLLIN} : 0) |
                            ((what & CURL_POLL_OUT) ? uint32_t{EPOLLOUT} : 0);
    Socket& socket = multi.sockets_[static_cast<size_t>(fd)];
    // The first word about a socket is always passed on: see set_socket().
    if (!std::exchange(socket.is_tracked, true) || socket.registered != wanted) {
        multi.set_socket(fd, wanted);
    }
    return 0;
}

int CurlMulti::timer_callback(CURLM*, long ms, void* user) {
    auto& multi = *static_cast<CurlMulti*>(user);
    multi.kick_ = ms == 0;
    multi.wanted_ = ms > 0 ? std::chrono::steady_clock::now() + std::chrono::milliseconds(ms)
                           : TimePoint::max();
    return 0;
}

curl_socket_t CurlMulti::open_callback(void* user, curlsocktype, curl_sockaddr* address) {
    auto& multi = *static_cast<CurlMulti*>(user);
    const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    if (static_cast<size_t>(fd) >= multi.sockets_.size())
        multi.sockets_.resize(static_cast<size_t>(fd) + 64);
    multi.sockets_[static_cast<size_t>(fd)] =
        Socket{.registered = 0, .is_connection = true, .is_tracked = false};
    return fd;
}

int CurlMulti::close_callback(void* user, curl_socket_t fd) {
    auto& multi = *static_cast<CurlMulti*>(user);
    // The kernel takes it out of the epoll set.
    if (static_cast<size_t>(fd) < multi.sockets_.size())
        multi.sockets_[static_cast<size_t>(fd)] = Socket{};
    return ::close(fd);
}

}  // namespace gateway
