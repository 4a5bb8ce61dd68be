#pragma once
// Server-sent events out of bytes that arrive in any pieces: LF, CRLF and CR, comments, data on
// several lines, a BOM in front. Looks at no character, so a split inside one is harmless; whether
// the data is UTF-8 is for whoever reads it.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

struct SseEvent {
    std::string type;  // empty if no `event:` line came
    std::string data;  // its lines joined with LF; room for a parser's padding behind it
};

class SseParser {
public:
    explicit SseParser(size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

    // Appends the events that `bytes` completed. False, from then on always: one was too long.
    bool feed(std::string_view bytes, std::vector<SseEvent>& events);
    // The stream has ended: what its last event had come to, if the blank line after it is all that
    // lacks (or its last line end). Not nothing does not mean whole.
    std::optional<SseEvent> finish();

private:
    void take_line(std::string_view line, std::vector<SseEvent>& events);
    void dispatch(std::vector<SseEvent>& events);
    void add_data(std::string_view value);

    const size_t event_bytes_max_;
    std::string line_;  // the beginning of a line whose end has not come
    SseEvent event_;
    bool has_data_ = false;
    bool first_line_ = true;
    bool after_cr_ = false;  // the LF of a CRLF may follow
    bool too_long_ = false;
};

}  // namespace gateway
