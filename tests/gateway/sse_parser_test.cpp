#include "gateway/upstream/sse_parser.h"

#include <catch2/catch.hpp>

using gateway::SseEvent;
using gateway::SseParser;

namespace {

std::vector<std::string> data_of(const std::vector<std::string_view>& pieces,
                                 size_t n_max = 1 << 20) {
    SseParser parser(n_max);
    std::vector<SseEvent> events;
    for (const std::string_view piece : pieces) parser.feed(piece, events);
    std::vector<std::string> data;
    for (const SseEvent& event : events)
        data.push_back(event.type.empty() ? event.data : event.type + "|" + event.data);
    return data;
}

}  // namespace

TEST_CASE("sse: every split point gives the same events", "[sse]") {
    const std::string stream =
        "\xEF\xBB\xBF"
        ": hello\n\ndata: {\"a\":\"über 🌊\"}\n\ndata:one\r\ndata:  two\r\n\r\n"
        "event: error\rdata: x\r\rretry: 3\nid: 7\ndata\n\nevent: ping\n\ndata: [DONE]\n\n";
    const std::vector<std::string> expected = {"{\"a\":\"über 🌊\"}", "one\n two", "error|x", "",
                                               "[DONE]"};
    REQUIRE(data_of({stream}) == expected);
    const std::string_view whole = stream;
    for (size_t i = 0; i <= whole.size(); ++i) {
        for (size_t j = i; j <= whole.size(); ++j) {
            REQUIRE(data_of({whole.substr(0, i), whole.substr(i, j - i), whole.substr(j)}) ==
                    expected);
        }
    }
    std::vector<std::string_view> bytes;
    for (size_t i = 0; i < whole.size(); ++i) bytes.push_back(whole.substr(i, 1));
    REQUIRE(data_of(bytes) == expected);
}

TEST_CASE("sse: an event without its blank line is not told until the stream ends", "[sse]") {
    SseParser parser(1 << 20);
    std::vector<SseEvent> events;
    REQUIRE(parser.feed("data: a\n\ndata: half", events));
    REQUIRE(events.size() == 1);
    const auto last = parser.finish();
    REQUIRE(last);
    REQUIRE(last->data == "half");
    REQUIRE_FALSE(parser.finish());
}

TEST_CASE("sse: an event above the limit is refused, whatever it is made of", "[sse]") {
    const std::string long_text(200, 'x');
    for (const std::string& text :
         {"data: " + long_text + "\n\n", "data: " + long_text, ": " + long_text,
          "data: 60" + std::string(50, 'x') + "\ndata: " + std::string(60, 'x') + "\n\n"}) {
        SseParser parser(100);
        std::vector<SseEvent> events;
        REQUIRE_FALSE(parser.feed(text, events));
        REQUIRE(events.empty());
        REQUIRE_FALSE(parser.feed("data: ok\n\n", events));
        REQUIRE(events.empty());
    }
    SseParser parser(100);
    std::vector<SseEvent> events;
    for (int i = 0; i < 1000; ++i)
        REQUIRE(parser.feed("data: " + std::string(90, 'x') + "\n\n", events));
    REQUIRE(events.size() == 1000);
}
