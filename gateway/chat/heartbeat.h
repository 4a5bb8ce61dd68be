#pragma once
// Looks at the open requests of one io thread a few times a second, so that none needs a timer of
// its own.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>

namespace gateway {

// Told on its io thread.
class HeartbeatListener {
public:
    virtual ~HeartbeatListener() = default;
    virtual void on_heartbeat(std::chrono::steady_clock::time_point now) = 0;
};

// One per io thread, confined to it. Outlives its entries. The timer runs only while somebody
// listens.
class Heartbeat {
public:
    Heartbeat(boost::asio::io_context& io, std::chrono::milliseconds period)
        : timer_(io), period_(period), next_(listeners_.end()) {}

    // Listens as long as it lives.
    class Entry {
    public:
        Entry(Heartbeat& heartbeat, HeartbeatListener& listener);
        ~Entry();
        Entry(const Entry&) = delete;

    private:
        Heartbeat& heartbeat_;
        std::list<HeartbeatListener*>::iterator place_;
    };

private:
    void arm();
    void beat();

    boost::asio::steady_timer timer_;
    const std::chrono::milliseconds period_;
    std::list<HeartbeatListener*> listeners_;
    std::list<HeartbeatListener*>::iterator next_;  // while beat() runs: whom to tell next
    bool armed_ = false;
};

}  // namespace gateway
