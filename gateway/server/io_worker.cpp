#include "gateway/server/io_worker.h"

#include <ctime>

#include "gateway/server/connection.h"
#include "gateway/telemetry/wall_clock.h"

namespace gateway {
namespace {

// RFC 9110 5.6.7, whatever the locale.
std::string http_date(std::time_t second) {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&second, &utc);
    char text[64];
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                  utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                  utc.tm_sec);
    return text;
}

}  // namespace

IoWorker::IoWorker(IoThread& thread, std::shared_ptr<Shared> shared)
    : thread_(thread), shared_(std::move(shared)), sweep_timer_(thread.io.get_executor()) {}

std::string_view IoWorker::date() {
    const auto now = static_cast<std::time_t>(wall_clock_now().ms / 1'000);
    if (now != date_second_) {
        date_second_ = now;
        date_ = http_date(now);
    }
    return date_;
}

void IoWorker::add(Connection& connection) {
    connection.place = connections_.size();
    connections_.push_back(&connection);
    if (!sweep_armed_) arm_sweep();
}

void IoWorker::remove(Connection& connection) {
    Connection* const last = connections_.back();
    connections_[connection.place] = last;
    last->place = connection.place;
    connections_.pop_back();
    if (draining_ && connections_.empty()) sweep_timer_.cancel();
}

void IoWorker::drain() {
    draining_ = true;
    for (const auto& connection : snapshot()) connection->drain();
}

void IoWorker::abort_all() {
    draining_ = true;
    for (const auto& connection : snapshot()) connection->abort();
}

void IoWorker::drop_all() {
    for (const auto& connection : snapshot()) connection->drop();
}

// Runs only while there are connections, so that an io_context without work can end.
void IoWorker::arm_sweep() {
    sweep_armed_ = true;
    sweep_timer_.expires_after(kSweepInterval);
    sweep_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->sweep();
    });
}

void IoWorker::sweep() {
    sweep_armed_ = false;
    const TimePoint now = Clock::now();
    std::vector<std::shared_ptr<Connection>> due;
    for (Connection* connection : connections_) {
        if (connection->is_due(now)) due.push_back(connection->shared_from_this());
    }
    for (const auto& connection : due) connection->expire(now);
    if (!connections_.empty() && !sweep_armed_) arm_sweep();
}

// Acting on a connection may end it or others: never while iterating the list itself.
std::vector<std::shared_ptr<Connection>> IoWorker::snapshot() {
    std::vector<std::shared_ptr<Connection>> all;
    all.reserve(connections_.size());
    for (Connection* connection : connections_) all.push_back(connection->shared_from_this());
    return all;
}

}  // namespace gateway
