#include "gateway/chat/heartbeat.h"

#include <catch2/catch.hpp>
#include <functional>
#include <optional>

using namespace gateway;
using namespace std::chrono_literals;

namespace {

struct Listener final : HeartbeatListener {
    std::function<void()> told;
    int n = 0;
    void on_heartbeat(std::chrono::steady_clock::time_point) override {
        ++n;
        if (told) told();
    }
};

}  // namespace

TEST_CASE("heartbeat: tells those who listen and stops with the last of them", "[heartbeat]") {
    boost::asio::io_context io;
    Heartbeat heartbeat(io, 1ms);
    Listener a, b;
    std::optional<Heartbeat::Entry> a_listens(std::in_place, heartbeat, a);
    std::optional<Heartbeat::Entry> b_listens(std::in_place, heartbeat, b);
    // a ends b while the round that would tell b is running, and itself in the third.
    a.told = [&] {
        b_listens.reset();
        if (a.n == 3) a_listens.reset();
    };
    io.run();  // returns: nobody listens, no timer is armed
    CHECK(a.n == 3);
    CHECK(b.n == 0);

    std::optional<Heartbeat::Entry> again(std::in_place, heartbeat, b);
    b.told = [&] { again.reset(); };
    io.restart();
    io.run();
    CHECK(b.n == 1);
}
