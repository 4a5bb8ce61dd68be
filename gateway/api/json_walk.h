#pragma once
// Looks at every value of a parsed document once. For .cpp files only.
#include <simdjson.h>

#include "config/config.h"
#include "gateway/api/request_errors.h"

namespace gateway {

inline constexpr std::string_view kLoneSurrogate = "lone_surrogate";

struct WalkOptions {
    size_t n_levels_max = 0;
    bool has_unicode_escapes = false;  // only then can a decoded string be invalid UTF-8
};

// Errors: duplicate members, too many members or elements, too deep, kLoneSurrogate.
Fault walk_document(simdjson::dom::element root, const config::Limits& limits,
                    const WalkOptions& options);

ApiError too_deep(const config::Limits& limits);
ApiError too_many_members(const config::Limits& limits);

}  // namespace gateway
