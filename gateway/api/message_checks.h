#pragma once
// The conversation of a request: roles, contents, parts and the rule that every tool call is
// answered. For .cpp files only.
#include "gateway/api/request_fields.h"

namespace gateway {

// What the rest of the request needs to know of its messages.
struct MessageFacts {
    int64_t n_messages = 0;
    int64_t n_text_bytes = 0;  // of contents, arguments and names, decoded
    int64_t n_images = 0;
    int64_t n_image_bytes = 0;  // of the images' URLs: no part of the prompt's text
    routing::Replayed replayed = routing::Replayed::whole;  // the reasoning of tool calls
    bool has_media = false;                                 // any part that is not text
    bool says_json =
        false;  // the word stands in some text, in any case; only with `looks_for_json`
};

// Needs Field::messages. Errors: openai-wire 1.4 and 1.7.
Fault check_messages(const RequestFields& fields, bool looks_for_json, MessageFacts& facts);

}  // namespace gateway
