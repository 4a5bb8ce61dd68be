#include "billing/types.h"

namespace billing {

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::ok:
            return "ok";
        case Outcome::length:
            return "length";
        case Outcome::tool_calls:
            return "tool_calls";
        case Outcome::content_filter:
            return "content_filter";
        case Outcome::client_gone:
            return "client_gone";
        case Outcome::caller_error:
            return "caller_error";
        case Outcome::quota:
            return "quota";
        case Outcome::rate_limit:
            return "rate_limit";
        case Outcome::upstream_error:
            return "upstream_error";
        case Outcome::cut:
            return "cut";
        case Outcome::internal:
            return "internal";
    }
    return "unknown";
}

std::string_view to_string(CountSource source) {
    switch (source) {
        case CountSource::engine:
            return "engine";
        case CountSource::upstream:
            return "upstream";
        case CountSource::counted:
            return "counted";
    }
    return "unknown";
}

}  // namespace billing
