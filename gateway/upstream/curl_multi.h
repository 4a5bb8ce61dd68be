#pragma once
// libcurl's multi interface on one Asio io_context: one CURLM and one epoll set of its own, nested
// in Asio's, so that a socket is registered once and every ready one of a turn costs a single wait.
//
// Confined to its io thread. libcurl forbids calls into it from its callbacks, so a coroutine is
// never resumed inside one: sinks collect bytes there and are told on_turn_end() once libcurl has
// returned.
#include <curl/curl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/chat/attempt.h"
#include "gateway/upstream/header_list.h"

namespace gateway {

class CurlMulti;

// Hears what becomes of one transfer.
class TransferSink {
public:
    enum class Take : uint8_t { more, pause, abort };
    virtual ~TransferSink() = default;
    // Inside libcurl: the request is going out over a connection that stands.
    virtual void on_connected() = 0;
    // Inside libcurl. `pause`: the bytes are not taken and come again after Transfer::unpause().
    virtual Take on_bytes(std::string_view bytes) = 0;
    // The transfer has ended by itself and its connection is free, or closed.
    virtual void on_done(CURLcode code) = 0;
    // deadline() has passed.
    virtual void on_deadline(TimePoint now) = 0;
    // When to be asked next. May move either way; an earlier one must be told by
    // Transfer::deadline_moved().
    virtual TimePoint deadline() const = 0;
    // Once after some of the above, outside libcurl: may resume coroutines and destroy anything.
    virtual void on_turn_end() = 0;
};

struct TransferRequest {
    std::string url;
    std::string body;                           // POSTed
    std::shared_ptr<const HeaderList> headers;  // built once per upstream key
    std::string own_header;                     // of this request alone; empty: none
};

// One request. Destroyed unfinished, it is taken out at once and its connection closed (HTTP/2: its
// stream reset). Not to be destroyed inside on_bytes, on_done and on_deadline.
class Transfer {
public:
    Transfer(CurlMulti& multi, TransferRequest request, TransferSink& sink);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    void start();        // once
    int status() const;  // of the answer's head; 0: none came
    std::string content_type() const;
    std::string header(const char* name) const;  // empty: not there
    bool is_finished() const { return finished_; }
    void unpause();
    void deadline_moved();

private:
    friend class CurlMulti;

    CurlMulti& multi_;
    TransferSink* sink_;
    const TransferRequest request_;
    curl_slist own_header_{};
    CURL* easy_;
    size_t index_ = 0;  // in CurlMulti::transfers_
    bool started_ = false, finished_ = false;
    bool marked_ = false;
};

class CurlMulti {
public:
    explicit CurlMulti(boost::asio::io_context& io);
    ~CurlMulti();
    CurlMulti(const CurlMulti&) = delete;
    CurlMulti& operator=(const CurlMulti&) = delete;

    // Takes over a transfer whose answer is known, and gives it a moment to end so that its
    // connection can be used again.
    void drain(std::unique_ptr<Transfer> transfer);

private:
    friend class Transfer;
    class Drain;
    struct Socket {
        uint32_t registered = 0;  // what the epoll set waits for; 0: not in it
        bool is_connection = false;
        bool is_tracked = false;  // libcurl wants to hear of it now
    };

    CURL* take_easy();
    void give_back(CURL* easy);
    void add(Transfer& transfer);
    void remove(Transfer& transfer);
    void mark(Transfer& transfer);
    void end(Transfer& transfer, CURLcode code);

    // What libcurl has to do by now, without resuming anybody.
    void drive();
    void read_messages();
    // Tells the marked sinks. Calls out: anything may change meanwhile.
    void deliver();
    void deliver_soon();
    void turn();
    void wait_for_sockets();
    void handle_sockets();
    void set_socket(curl_socket_t fd, uint32_t wanted);
    void untrack(curl_socket_t fd);
    void arm_timer();
    void on_timer();
    void sweep(TimePoint now);

    static int connected_callback(void* transfer, char*, char*, int, int);
    static size_t write_callback(char* bytes, size_t size, size_t n, void* transfer);
    static int socket_callback(CURL*, curl_socket_t fd, int what, void* multi, void*);
    static int timer_callback(CURLM*, long ms, void* multi);
    static curl_socket_t open_callback(void* multi, curlsocktype, curl_sockaddr* address);
    static int close_callback(void* multi, curl_socket_t fd);

    boost::asio::io_context& io_;
    CURLM* const multi_;
    boost::asio::posix::stream_descriptor epoll_;
    boost::asio::steady_timer timer_;
    TimePoint wanted_ = TimePoint::max();      // by libcurl
    TimePoint swept_next_ = TimePoint::max();  // by the deadlines of transfers
    TimePoint armed_ = TimePoint::max();
    bool kick_ = false;  // libcurl wants a call at once
    bool deliver_posted_ = false;
    std::vector<Socket> sockets_;  // by fd
    std::vector<Transfer*> transfers_;
    std::vector<Transfer*> marked_, telling_;  // a destroyed one leaves null in telling_
    std::vector<CURL*> free_;
    std::vector<std::unique_ptr<Drain>> drains_;
    std::shared_ptr<int> alive_ =
        std::make_shared<int>(0);  // handlers that outlast this look at it
};

}  // namespace gateway
