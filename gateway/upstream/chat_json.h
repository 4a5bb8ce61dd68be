#pragma once
// A chat request as a document, for the dialects that it is written anew in. For .cpp files only.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gateway/upstream/failure_class.h"
#include "gateway/upstream/upstream_client.h"

namespace gateway::chat {

using json = nlohmann::ordered_json;  // a prompt cache knows a schema by its bytes

// The member names what a model that thinks does not bear.
inline bool is_dropped(const UpstreamCall& call, std::string_view key) {
    for (size_t i = 0; i < config::kParamCount; ++i) {
        const auto param = static_cast<config::Param>(i);
        if (to_string(param) == key) return call.thinking.dropped.has(param);
    }
    return false;
}

// The member, or null where there is none.
inline const json& member(const json& object, const char* key) {
    static const json kNull;
    const auto found = object.find(key);
    return found == object.end() ? kNull : *found;
}

inline void copy(json& to, const json& from, const char* key, const char* as = nullptr) {
    if (const json& value = member(from, key); !value.is_null()) to[as ? as : key] = value;
}

// 400, told to the client.
inline Failure refused(const std::string& param, std::string message, const char* code) {
    Failure failure = failed(config::FailureClass::caller_fault, code);
    failure.upstream_status = 400;
    failure.message = std::move(message);
    failure.type = "invalid_request_error";
    failure.param = param;
    failure.code = code;
    return failure;
}

inline Failure unsupported(const std::string& param, const std::string& value) {
    return refused(
        param,
        "Unsupported value: '" + param + "' does not support '" + value + "' with this model.",
        "unsupported_value");
}

}  // namespace gateway::chat
