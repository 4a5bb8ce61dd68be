#pragma once
// A handler whose paths each do one thing, and that remembers what reached it.
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/server/http_types.h"
#include "tests/support/raw_http.h"

namespace test {

// What happened on the io threads, for the test's thread to wait for.
class Happenings {
public:
    void add(std::string what) {
        {
            const std::lock_guard lock(mutex_);
            all_.push_back(std::move(what));
        }
        changed_.notify_all();
    }
    // False: it did not happen within support::kPatience.
    bool wait_for(const std::string& what) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, support::kPatience, [&] { return count_locked(what) > 0; });
    }
    int count(const std::string& what) {
        const std::lock_guard lock(mutex_);
        return count_locked(what);
    }

private:
    int count_locked(const std::string& what) const {
        int n = 0;
        for (const std::string& each : all_) n += each == what;
        return n;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> all_;  // under mutex_
};

// /hello, /echo (the body), /fields (all of the head), /stream (three chunks), /stream-empty,
// /stream-hold (one chunk, then until the client is gone), /stream-cut (one chunk, then
// abort_stream), /stream-flood (until a write fails), /hold (until the client is gone, then
// answers), /close, /split (an answer with hostile header values), /throw, /throw-late (after the
// first chunk), /throw-held (before it), /silent; judge_head: /early 401, /judge-throw throws.
// Anything else 404.
class ScriptedHandler final : public gateway::HttpHandler {
public:
    std::optional<gateway::HttpAnswer> judge_head(size_t io_thread, const gateway::HttpHead& head,
                                                  std::shared_ptr<void>& state) override;
    gateway::asio::awaitable<void> handle(size_t io_thread, const gateway::HttpHead& head,
                                          std::string body, std::shared_ptr<void> state,
                                          gateway::HttpExchange& exchange) override;
    gateway::HttpAnswer refusal(int status, std::string_view reason) override;

    // "judged PATH", "handled PATH", "gone PATH" (the callback), "failed PATH" (a write or send
    // said so), "sent PATH".
    Happenings happenings;
    std::atomic<int> n_handled{0};
    std::atomic<int64_t> n_flooded{0};  // bytes that /stream-flood wrote
};

}  // namespace test
