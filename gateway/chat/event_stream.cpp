#include "gateway/chat/event_stream.h"

#include <utility>

namespace gateway {

namespace {

constexpr std::string_view kDataOpen = "data: ";
constexpr std::string_view kCommentOpen = ": ";
constexpr std::string_view kClose = "\n\n";
constexpr std::string_view kDone = "[DONE]";

}  // namespace

void EventStream::begin(HttpFields fields) {
    fields.emplace_back("x-accel-buffering", "no");
    exchange_.begin_stream("text/event-stream; charset=utf-8", std::move(fields));
    began_ = true;
}

void EventStream::event(std::string_view data) {
    events_.append(kDataOpen).append(data).append(kClose);
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
