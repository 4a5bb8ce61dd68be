#pragma once
// A head as two independent readers see it: our own scanner, which decides, and Beast's parser,
// which fills in the fields. Where they disagree the request is refused.
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/server/framing.h"
#include "gateway/server/http_types.h"

namespace gateway {

struct RequestHead {
    HttpHead http;  // all but peer and received
    Framing framing;
};

// `head` ends with its blank line. Errors: as scan_head() and parse_target().
tl::expected<RequestHead, Refusal> read_request_head(std::string_view head,
                                                     const FramingLimits& limits);

}  // namespace gateway
