#include "gateway/chat/event_stream.h"

#include <utility>

namespace gateway {

namespace {

constexpr std::string_view kDataOpen = "data: ";
constexpr std::string_view kCommentOpen = ": ";
constexpr std::string_view kClose = "\n\n";
constexpr std::string_view kDone = "[DONE]";

// 1 to 12 letters.
void append_letters(std::string& out, uint64_t bits) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEF";
    constexpr uint64_t kMost = 12;
    const uint64_t n = 1 + bits % kMost;
    for (uint64_t i = 0; i < n; ++i) out += kLetters[bits >> (4 + 5 * i) & 31];
}

}  // namespace

void EventStream::begin(HttpFields fields) {
    fields.emplace_back("x-accel-buffering", "no");
    exchange_.begin_stream(kContentType, std::move(fields));
    began_ = true;
}

void EventStream::event(std::string_view data) {
    const size_t begin = events_.size();
    events_.append(kDataOpen).append(data);
    if (dice_ != nullptr && data.ends_with('}')) {
        events_.back() = ',';
        events_.append(R"("obfuscation":")");
        append_letters(events_, (*dice_)());
        events_.append("\"}");
    }
    events_.append(kClose);
    if (keeper_ != nullptr) keeper_->add(std::string_view(events_).substr(begin));
}

void EventStream::comment(std::string_view text) {
    events_.append(kCommentOpen).append(text).append(kClose);
}

void EventStream::done() {
    event(kDone);
}

asio::awaitable<bool> EventStream::write() {
    has_rest_ = false;
    const bool written = co_await exchange_.write(events_);
    events_.clear();
    last_write_ = std::chrono::steady_clock::now();
    co_return written;
}

bool EventStream::write_now() {
    has_rest_ = !exchange_.write_now(events_);
    events_.clear();
    last_write_ = std::chrono::steady_clock::now();
    return !has_rest_;
}

asio::awaitable<bool> EventStream::end() {
    const bool written = co_await write();
    if (!written) co_return false;
    co_return co_await exchange_.end_stream();
}

}  // namespace gateway
