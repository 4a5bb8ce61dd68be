#include "gateway/api/request_fields.h"

#include <algorithm>

#include "config/ensure.h"

namespace gateway {

namespace {

using simdjson::dom::element;

// By Field, and sorted.
constexpr std::array<std::string_view, kFieldCount> kNames = {
    "audio",
    "cache_control",
    "chat_template_kwargs",
    "enable_thinking",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "min_p",
    "modalities",
    "model",
    "moderation",
    "n",
    "output_config",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "think",
    "thinking",
    "thinking_budget",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
};
static_assert(std::is_sorted(kNames.begin(), kNames.end()));
static_assert(kNames[static_cast<size_t>(Field::web_search_options)] == "web_search_options");

JsonPlace place_of(Field field) {
    return JsonPlace(to_string(field));
}

}  // namespace

std::string_view to_string(Field field) {
    return kNames[static_cast<size_t>(field)];
}

RequestFields::RequestFields(simdjson::dom::object root, std::string_view body,
                             const std::vector<BodyMember>& members) {
    auto span = members.begin();
    for (const auto [name, value] : root) {
        ENSURE(span != members.end());
        const BodyMember& where = *span++;
        const auto found = std::lower_bound(kNames.begin(), kNames.end(), name);
        if (found == kNames.end() || *found != name) {
            if (!has_unknown_) unknown_ = name;
            has_unknown_ = true;
            continue;
        }
        if (value.is_null()) continue;
        const auto i = static_cast<size_t>(found - kNames.begin());
        const size_t n = where.value_end - where.value_begin;
        given_[i] = true;
        values_[i] = value;
        n_bytes_[i] = static_cast<uint32_t>(n);
        minus_zero_[i] = body.substr(where.value_begin, n) == "-0";
    }
}

Fault RequestFields::unknown() const {
    if (!has_unknown_) return {};
    return unknown_parameter(JsonPlace(unknown_));
}

Fault RequestFields::integer(Field field, int64_t minimum, int64_t maximum,
                             std::optional<int64_t>& out) const {
    const element* const value = find(field);
    if (!value) return {};
    if (minus_zero_[static_cast<size_t>(field)])
        return wrong_type(place_of(field), "an integer", "a negative zero");
    return read_integer(place_of(field), *value, minimum, maximum, out);
}

Fault RequestFields::decimal(Field field, double minimum, double maximum,
                             std::optional<double>& out) const {
    const element* const value = find(field);
    return value ? read_decimal(place_of(field), *value, minimum, maximum, out) : Fault();
}

Fault RequestFields::boolean(Field field, bool& out) const {
    const element* const value = find(field);
    return value ? read_boolean(place_of(field), *value, out) : Fault();
}

Fault RequestFields::string(Field field, std::string_view& out) const {
    const element* const value = find(field);
    return value ? read_string(place_of(field), *value, out) : Fault();
}

Fault RequestFields::object(Field field) const {
    const element* const value = find(field);
    simdjson::dom::object object;
    return value ? read_object(place_of(field), *value, object) : Fault();
}

Fault RequestFields::one_of(Field field, std::span<const std::string_view> words,
                            std::string_view& out) const {
    const element* const value = find(field);
    return value ? read_one_of(place_of(field), *value, words, out) : Fault();
}

int64_t RequestFields::n_bytes(Field field) const {
    return n_bytes_[static_cast<size_t>(field)];
}

}  // namespace gateway
