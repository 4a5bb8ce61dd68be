#pragma once
// One simdjson parser for every event of an io thread: its buffers are made once. For .cpp files
// only.
#include <simdjson.h>

namespace gateway {

struct JsonParser {
    simdjson::dom::parser dom;
};

}  // namespace gateway
