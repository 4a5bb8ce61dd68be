#include "gateway/chat/stream_progress.h"

#include <catch2/catch.hpp>

using namespace gateway;
using std::chrono::milliseconds;

TEST_CASE("stream progress: a checkpoint is due by tokens or by time, if there is news",
          "[charge]") {
    const StreamProgress::TimePoint start{std::chrono::hours{1}};
    StreamProgress progress;
    progress.restart(start);
    CHECK(!progress.is_far(999));
    CHECK(progress.is_far(1'000));
    CHECK(!progress.is_due(start + milliseconds{3'999}));
    CHECK(progress.is_due(start + milliseconds{4'000}));
    // Nothing has come yet: the time begins anew, nothing is written.
    CHECK(!progress.advance(start + milliseconds{4'000}, 0));
    CHECK(!progress.is_due(start + milliseconds{7'999}));
    CHECK(progress.advance(start + milliseconds{8'000}, 1'200));
    CHECK(!progress.is_far(2'199));
    CHECK(progress.is_far(2'200));
    CHECK(!progress.advance(start + milliseconds{12'000}, 1'200));
    // The next attempt counts from its own beginning.
    progress.restart(start + milliseconds{13'000});
    CHECK(!progress.is_far(999));
    CHECK(progress.advance(start + milliseconds{14'000}, 1));
}
