#include "gateway/api/usage_chunk.h"

#include <simdjson.h>

#include "gateway/api/chat_encoder.h"

namespace gateway {

std::string missing_usage_chunk(std::string_view chunk, const Usage& usage) {
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    std::string_view id, model, fingerprint;
    AnswerHead head;
    // The event was valid when it was passed on; members that it lacks stay empty here as well.
    if (!parser.parse(chunk.data(), chunk.size()).get(root)) {
        if (!root["id"].get(id)) head.id = id;
        if (!root["model"].get(model)) head.model = model;
        if (!root["system_fingerprint"].get(fingerprint)) head.fingerprint = fingerprint;
        if (root["created"].get(head.created)) head.created = 0;
    }
    return ChunkEncoder(std::move(head), true, false).usage_chunk(usage);
}

}  // namespace gateway
