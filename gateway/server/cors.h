#pragma once
// What browsers are told about pages of other origins (Fetch standard, CORS protocol).
#include <string>
#include <vector>

#include "gateway/server/http_types.h"

namespace gateway {

// The fields of every answer to this request, errors and streams too; of a preflight also what it
// may ask. Empty, if it names no origin or one that is not allowed. `origins`: as in the config,
// "*" for all. Credentials are in headers here, never in cookies: they are not allowed along.
HttpFields cors_fields(const std::vector<std::string>& origins, const HttpHead& head);

}  // namespace gateway
