#pragma once
// The request target: checked, split, and its path decoded once. Routing sees the decoded path
// only.
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/server/framing.h"

namespace gateway {

struct Target {
    std::string path;        // decoded; one trailing slash removed
    std::string_view query;  // raw, a part of the target it was read from
};

// Takes origin-form only. Errors: 400 for any other form, a bad escape, a byte that may not stand
// in a target, an escaped backslash or control character, and an escaped slash but in a model's
// name; 404 for an empty, `.` or `..` segment.
tl::expected<Target, Refusal> parse_target(std::string_view target);

}  // namespace gateway
