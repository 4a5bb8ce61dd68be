// Events from an upstream that may be anything: what is passed on is JSON of one line with an array
// of choices, says no usage to a client that did not ask, and an answer is never taken for ended by
// accident. Each line of the input is one event; its first byte holds the options.
#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "config/ensure.h"
#include "gateway/upstream/chat_events.h"
#include "gateway/upstream/json_parser.h"
#include "gateway/upstream/messages_events.h"
#include "gateway/upstream/responses_events.h"

namespace {

using Kind = gateway::EventLook::Kind;

void check_chunk(const gateway::ChatChunk& chunk, bool streamed, bool include_usage) {
    ENSURE(chunk.data.find_first_of("\r\n") == std::string::npos);
    ENSURE(chunk.n_reasoning_bytes >= 0 && chunk.n_reasoning_bytes <= chunk.n_text_bytes);
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    ENSURE(!parser.parse(chunk.data).get(root));
    simdjson::dom::array choices;
    ENSURE(!root["choices"].get(choices));
    ENSURE(chunk.usage_only == (choices.size() == 0));
    simdjson::dom::element usage;
    if (streamed && !include_usage) ENSURE(root["usage"].get(usage) != simdjson::SUCCESS);
}

void check(const gateway::EventLook& look, bool streamed, bool include_usage) {
    if (look.kind == Kind::chunk) check_chunk(look.chunk, streamed, include_usage);
    for (const auto& chunk : look.more) check_chunk(chunk, streamed, include_usage);
    ENSURE(look.more.empty() || look.kind == Kind::chunk);
    if (look.kind != Kind::failed) return;
    const bool tells = gateway::is_callers(look.failure->failure);
    ENSURE(tells == !look.failure->message.empty());
    ENSURE(simdjson::validate_utf8(look.failure->message));
    ENSURE(look.failure->detail.find('\n') == std::string::npos);
}

// The lines of `rest` as events of one stream.
void read_stream(gateway::AnswerReader& reader, std::string_view rest, uint8_t options) {
    while (!rest.empty()) {
        const size_t end = rest.find('\n');
        gateway::SseEvent event;
        event.type = options & 4 ? "error" : "";
        event.data = rest.substr(0, end);
        check(reader.event(std::move(event)), true, options & 1);
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    ENSURE(!reader.asked_ended() || reader.all_ended());
    ENSURE(!reader.all_ended() || !reader.finish_reason().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const bool include_usage = data[0] & 1;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto heard = [](std::span<const std::string>, const std::string&) {};
    gateway::JsonParser parser;
    if (data[0] & 128) {
        const gateway::MessagesEvents::Terms terms{include_usage, 1, heard};
        check(gateway::MessagesEvents(parser, terms).whole(std::string(rest)), false,
              include_usage);
        gateway::MessagesEvents events(parser, terms);
        read_stream(events, rest, data[0]);
        return 0;
    }
    if (data[0] & 8) {
        const gateway::ResponsesEvents::Terms terms{include_usage, (data[0] & 2) != 0, heard};
        check(gateway::ResponsesEvents(parser, terms).whole(std::string(rest)), false,
              include_usage);
        gateway::ResponsesEvents events(parser, terms);
        read_stream(events, rest, data[0]);
        return 0;
    }
    gateway::ChatEvents whole(parser, 1, include_usage);
    check(whole.whole(std::string(rest)), false, include_usage);
    gateway::ChatEvents events(parser, 1 + (data[0] >> 1 & 1), include_usage);
    events.tap(heard, (data[0] & 16) != 0);
    read_stream(events, rest, data[0]);
    return 0;
}
