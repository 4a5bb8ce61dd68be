#include "gateway/upstream/reasoning_store.h"

#include <catch2/catch.hpp>
#include <deque>
#include <random>

using gateway::ReasoningStore;

namespace {

std::string text_of(const ReasoningStore& store, uint64_t account, const std::string& call,
                    const char* endpoint = "e") {
    const auto found = store.find(account, endpoint, call);
    return found ? *found : "";
}

void keep(ReasoningStore& store, uint64_t account, std::vector<std::string> calls,
          std::string text) {
    store.keep(account, "e", calls, std::move(text));
}

}  // namespace

TEST_CASE("reasoning store: by account, endpoint and call, the newest", "[reasoning]") {
    ReasoningStore store(1 << 20);
    keep(store, 1, {"a", "b"}, "x");
    CHECK(text_of(store, 1, "a") == "x");
    CHECK(text_of(store, 1, "b") == "x");
    CHECK(text_of(store, 1, "a") == "x");  // stays
    CHECK(text_of(store, 2, "a").empty());
    CHECK(text_of(store, 1, "a", "f").empty());
    CHECK(text_of(store, 1, "c").empty());
    keep(store, 1, {"a"}, "y");
    CHECK(text_of(store, 1, "a") == "y");
    CHECK(text_of(store, 1, "b") == "x");
}

TEST_CASE("reasoning store: an account has an eighth, the oldest goes first", "[reasoning]") {
    ReasoningStore store(80'000);
    keep(store, 1, {"huge"}, std::string(10'000, 'x'));  // above its share: not kept
    CHECK(store.n_bytes() == 0);
    keep(store, 2, {"other"}, "kept");
    for (int i = 0; i < 20; ++i) keep(store, 1, {std::to_string(i)}, std::string(2'000, 'x'));
    CHECK(store.n_bytes() <= 10'000 + 300);
    CHECK(text_of(store, 1, "0").empty());
    CHECK_FALSE(text_of(store, 1, "19").empty());
    CHECK(text_of(store, 2, "other") == "kept");
}

TEST_CASE("reasoning store: never above its bound, and what is found is what was kept last",
          "[reasoning]") {
    constexpr int64_t kBytesMax = 60'000;
    ReasoningStore store(kBytesMax);
    std::mt19937 random(7);
    std::map<std::pair<uint64_t, std::string>, std::string> last;
    size_t n_found = 0;
    for (int i = 0; i < 20'000; ++i) {
        const uint64_t account = random() % 20;
        const std::string call = std::to_string(random() % 50);
        if (random() % 2 == 0) {
            const std::string text(random() % 3'000, static_cast<char>('a' + random() % 26));
            keep(store, account, {call}, text);
            last[{account, call}] = text;
        } else if (const auto found = store.find(account, "e", call)) {
            CHECK(*found == last[{account, call}]);
            ++n_found;
        }
        REQUIRE(store.n_bytes() <= kBytesMax);
    }
    CHECK(n_found > 100);
}
