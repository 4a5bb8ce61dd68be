#pragma once
// A ledger in a folder of its own, and the small things that tests of billing say again and again.
#include <array>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "billing/billing.h"
#include "billing/report.h"

namespace billing::test {

class TempFolder {
public:
    TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder();
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

class Waiter final : public CommitWaiter {
public:
    void on_committed(bool durable) noexcept override {
        const std::lock_guard lock(mutex_);
        ++n_told_;
        durable_ = durable;
        told_.notify_all();
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        told_.wait(lock, [this] { return durable_.has_value(); });
        return *durable_;
    }
    int n_told() {
        const std::lock_guard lock(mutex_);
        return n_told_;
    }

private:
    std::mutex mutex_;
    std::condition_variable told_;
    std::optional<bool> durable_;
    int n_told_ = 0;
};

inline constexpr NanoUsd kUsd{1'000'000'000};
inline constexpr NanoUsd kCent{10'000'000};
inline constexpr UnixMillis kStart{1'790'812'800'000};  // 2026-10-01T00:00:00Z

// A version from kStart on, in USD, without windows.
AppliedPrice price_of(const std::string& name, const config::Rates& rates);
// 1 nano-dollar a token in, 2 out: amounts can be read off token counts.
AppliedPrice plain_price();

// Takes values of a test for granted: the message is the error's.
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error("billing: " + result.error().detail);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class LedgerFixture {
public:
    std::filesystem::path path() const { return folder_.path() / "weir.db"; }
    Billing& open();  // closes the one before
    void close() { billing_.reset(); }
    Billing& billing() { return *billing_; }
    Options options() const {
        return {.path = path(), .anchor_interval = anchor_interval, .rollup_pace = rollup_pace};
    }
    std::filesystem::path anchors() const { return path().string() + ".anchors"; }
    // For the next open(). None: an anchor behind every commit.
    std::chrono::milliseconds anchor_interval{60'000};
    // For the next open(). None by themselves, unless a test asks for them.
    RollupPace rollup_pace{std::chrono::hours(24)};

    // An account with funds and one key; its caller.
    Caller make_caller(const std::string& account, NanoUsd funds);
    // Waits for the disk.
    Hold reserve(const Caller& caller, NanoUsd amount, UnixMillis now = kStart,
                 std::string_view route = "route-a");
    NanoUsd settle(const Hold& hold, const TokenCounts& tokens, UnixMillis now = kStart);

    // Runs SQL on a connection of its own, as somebody who tampers would. The file must not be
    // open.
    void tamper(const std::string& sql);
    int64_t query(const std::string& sql) const;

private:
    TempFolder folder_;
    std::unique_ptr<Billing> billing_;
};

Settlement settlement(const AppliedPrice& price, const TokenCounts& tokens,
                      UnixMillis now = kStart);

}  // namespace billing::test
