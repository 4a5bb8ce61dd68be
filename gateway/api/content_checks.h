#pragma once
// The parts of a message's content. For .cpp files only.
#include "gateway/api/request_fields.h"

namespace gateway {

struct ContentPart {
    std::string_view text;  // of a text or refusal part
    std::string_view url;   // of an image
    bool is_image = false;
    bool is_media = false;  // anything but text
};

// `role` decides which types may stand there.
Fault read_part(const JsonPlace& place, simdjson::dom::element value, std::string_view role,
                ContentPart& out);

// Whether the word "json" stands in it, in any case.
bool says_json(std::string_view text);

}  // namespace gateway
