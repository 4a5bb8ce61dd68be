#include "gateway/chat/heartbeat.h"

namespace gateway {

Heartbeat::Entry::Entry(Heartbeat& heartbeat, HeartbeatListener& listener)
    : heartbeat_(heartbeat),
      place_(heartbeat.listeners_.insert(heartbeat.listeners_.end(), &listener)) {
    heartbeat_.arm();
}

Heartbeat::Entry::~Entry() {
    if (heartbeat_.next_ == place_) ++heartbeat_.next_;
    heartbeat_.listeners_.erase(place_);
}

void Heartbeat::arm() {
    if (armed_) return;
    armed_ = true;
    timer_.expires_after(period_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        armed_ = false;
        if (error) return;
        beat();
        if (!listeners_.empty()) arm();
    });
}

void Heartbeat::beat() {
    const auto now = std::chrono::steady_clock::now();
    // A listener may end others, and itself, while it is told.
    next_ = listeners_.begin();
    while (next_ != listeners_.end()) {
        HeartbeatListener* listener = *next_;
        ++next_;
        listener->on_heartbeat(now);
    }
}

}  // namespace gateway
