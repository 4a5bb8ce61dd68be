#include "gateway/upstream/sse_parser.h"

#include <cstring>
#include <utility>

namespace gateway {

namespace {

constexpr size_t kPadding = 64;  // what simdjson wants behind a text

// Where the line that begins `bytes` ends: the place of its CR or LF; npos if neither is there.
size_t line_end(std::string_view bytes) {
    const void* lf = std::memchr(bytes.data(), '\n', bytes.size());
    const size_t n =
        lf ? static_cast<size_t>(static_cast<const char*>(lf) - bytes.data()) : bytes.size();
    const void* cr = std::memchr(bytes.data(), '\r', n);
    if (cr) return static_cast<size_t>(static_cast<const char*>(cr) - bytes.data());
    return lf ? n : std::string_view::npos;
}

}  // namespace

bool SseParser::feed(std::string_view bytes, std::vector<SseEvent>& events) {
    while (!bytes.empty() && !too_long_) {
        if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const size_t end = line_end(bytes);
        const size_t n_line = end == bytes.npos ? bytes.size() : end;
        if (line_.size() + n_line + event_.data.size() > event_bytes_max_) {
            too_long_ = true;
            break;
        }
        if (end == bytes.npos) {
            line_.append(bytes);
            break;
        }
        after_cr_ = bytes[end] == '\r';
        if (line_.empty()) {
            take_line(bytes.substr(0, end), events);
        } else {
            line_.append(bytes.substr(0, end));
            take_line(line_, events);
            line_.clear();
        }
        bytes.remove_prefix(end + 1);
    }
    return !too_long_;
}

std::optional<SseEvent> SseParser::finish() {
    std::vector<SseEvent> events;
    if (!line_.empty()) take_line(line_, events);
    line_.clear();
    dispatch(events);
    if (events.empty() || too_long_) return std::nullopt;
    return std::move(events.front());
}

void SseParser::take_line(std::string_view line, std::vector<SseEvent>& events) {
    if (std::exchange(first_line_, false) && line.substr(0, 3) == "\xEF\xBB\xBF")
        line.remove_prefix(3);
    if (line.empty()) return dispatch(events);
    const size_t colon = line.find(':');
    if (colon == 0) return;  // a comment
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
    if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (field == "data") add_data(value);
    if (field == "event") event_.type = value;
}

void SseParser::add_data(std::string_view value) {
    if (has_data_) {
        event_.data += '\n';
    } else {
        event_.data.reserve(value.size() + kPadding);
    }
    event_.data.append(value);
    has_data_ = true;
}

void SseParser::dispatch(std::vector<SseEvent>& events) {
    if (std::exchange(has_data_, false)) events.push_back(std::move(event_));
    event_ = SseEvent();
}

}  // namespace gateway
