#pragma once
// A client's JSON, parsed once with everything checked that no single field could: syntax, UTF-8,
// depth, counts, and that no object says a member twice. For .cpp files only.
#include <simdjson.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "gateway/api/chat_request.h"
#include "gateway/api/request_errors.h"

namespace gateway {

// One per thread: its buffers are kept from body to body, up to a size.
class JsonDocument {
public:
    // `body` may be moved in memory (padding is reserved behind it) and must then stay as it is
    // while root() is in use. Errors: 400; 503 when memory is short.
    Fault parse(std::string& body, const config::Limits& limits);
    // The same for a text that parse() has accepted before.
    Fault parse_again(std::string_view body);

    // After parse(). Invalid once the next parse() begins.
    simdjson::dom::object root() const { return root_; }
    // Where the root's members stand in the body, in order.
    std::vector<BodyMember> members(std::string_view body) const;
    // Gives back what an unusually large body needed.
    void shrink();

private:
    simdjson::dom::parser parser_;
    simdjson::dom::object root_;
};

// "a string", "an integer", "null", ...
std::string_view type_word(simdjson::dom::element value);

}  // namespace gateway
