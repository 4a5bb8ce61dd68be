#pragma once
// libcurl's multi interface on one Asio io_context: one CURLM and one epoll set of its own, nested
// in Asio's, so that a socket is registered once and every ready one of a turn costs a single wait.
//
// Confined to its io thread.
#include <curl/curl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upstream/transfer_list.h"

namespace gateway {

class CurlMulti;

// One request of libcurl.
class CurlTransfer final : public ListedTransfer {
public:
    CurlTransfer(CurlMulti& multi, TransferRequest request, TransferSink& sink);
    ~CurlTransfer() override;
    CurlTransfer(const CurlTransfer&) = delete;
    CurlTransfer& operator=(const CurlTransfer&) = delete;

    void start() override;
    int status() const override;
    std::string content_type() const override;
    std::string header(const char* name) const override;
    void unpause() override;
    void deadline_moved() override;

private:
    friend class CurlMulti;
    void go_by(const Passage& passage);

    CurlMulti& multi_;
    const TransferRequest request_;
    curl_slist own_header_{};
    CURL* easy_;
    bool started_ = false;
};

class CurlMulti {
public:
    explicit CurlMulti(boost::asio::io_context& io);
    ~CurlMulti();
    CurlMulti(const CurlMulti&) = delete;
    CurlMulti& operator=(const CurlMulti&) = delete;

private:
    friend class CurlTransfer;
    struct Socket {
        uint32_t registered = 0;  // what the epoll set waits for; 0: not in it
        bool is_connection = false;
        bool is_tracked = false;  // libcurl wants to hear of it now
    };

    CURL* take_easy();
    void give_back(CURL* easy);
    void add(CurlTransfer& transfer);
    void remove(CurlTransfer& transfer);
    void end(CurlTransfer& transfer, CURLcode code);

    // What libcurl has to do by now, without resuming anybody.
    void drive();
    void read_messages();
    void wait_for_sockets();
    void handle_sockets();
    void set_socket(curl_socket_t fd, uint32_t wanted);
    void untrack(curl_socket_t fd);
    void arm_timer();

    static int connected_callback(void* transfer, char*, char*, int, int);
    static size_t write_callback(char* bytes, size_t size, size_t n, void* transfer);
    static int socket_callback(CURL*, curl_socket_t fd, int what, void* multi, void*);
    static int timer_callback(CURLM*, long ms, void* multi);
    static curl_socket_t open_callback(void* multi, curlsocktype, curl_sockaddr* address);
    static int close_callback(void* multi, curl_socket_t fd);

    CURLM* const multi_;
    boost::asio::posix::stream_descriptor epoll_;
    boost::asio::steady_timer timer_;
    TimePoint wanted_ = TimePoint::max();  // by libcurl
    TimePoint armed_ = TimePoint::max();
    bool kick_ = false;            // libcurl wants a call at once
    std::vector<Socket> sockets_;  // by fd
    TransferList transfers_;
    std::vector<CURL*> free_;
    std::shared_ptr<int> alive_ =
        std::make_shared<int>(0);  // handlers that outlast this look at it
};

}  // namespace gateway
