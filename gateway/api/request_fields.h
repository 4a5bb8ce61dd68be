#pragma once
// The top-level members of a chat request that are known, by name. For .cpp files only.
#include <simdjson.h>

#include <array>
#include <bitset>
#include <vector>

#include "gateway/api/chat_request.h"
#include "gateway/api/request_errors.h"

namespace gateway {

enum class Field : uint8_t {
    audio,
    cache_control,
    chat_template_kwargs,
    enable_thinking,
    frequency_penalty,
    function_call,
    functions,
    logit_bias,
    logprobs,
    max_completion_tokens,
    max_tokens,
    messages,
    metadata,
    min_p,
    modalities,
    model,
    moderation,
    n,
    output_config,
    parallel_tool_calls,
    prediction,
    presence_penalty,
    prompt_cache_key,
    prompt_cache_options,
    prompt_cache_retention,
    reasoning,
    reasoning_effort,
    repetition_penalty,
    response_format,
    safety_identifier,
    seed,
    service_tier,
    stop,
    store,
    stream,
    stream_options,
    temperature,
    think,
    thinking,
    thinking_budget,
    tool_choice,
    tools,
    top_k,
    top_logprobs,
    top_p,
    user,
    verbosity,
    web_search_options,
};
inline constexpr size_t kFieldCount = 48;
std::string_view to_string(Field field);

// What a request says of each field. A member that is null counts as not given.
class RequestFields {
public:
    RequestFields(simdjson::dom::object root, std::string_view body,
                  const std::vector<BodyMember>& members);

    // The value, or null.
    const simdjson::dom::element* find(Field field) const {
        const size_t i = static_cast<size_t>(field);
        return given_[i] ? &values_[i] : nullptr;
    }
    // The first member that is no field.
    Fault unknown() const;

    // Each reads one field into `out`, which keeps its value when the field is not given.
    Fault integer(Field field, int64_t minimum, int64_t maximum, std::optional<int64_t>& out) const;
    Fault decimal(Field field, double minimum, double maximum, std::optional<double>& out) const;
    Fault boolean(Field field, bool& out) const;
    Fault string(Field field, std::string_view& out) const;
    Fault object(Field field) const;
    Fault one_of(Field field, std::span<const std::string_view> words, std::string_view& out) const;
    // The bytes of a field's value in the body; 0 if it is not given.
    int64_t n_bytes(Field field) const;

private:
    std::array<simdjson::dom::element, kFieldCount> values_;
    std::array<uint32_t, kFieldCount> n_bytes_{};
    std::bitset<kFieldCount> given_;
    std::bitset<kFieldCount> minus_zero_;  // written -0, which is no integer
    std::string_view unknown_;
    bool has_unknown_ = false;
};

// The same for a value at any place.
Fault read_integer(const JsonPlace& place, simdjson::dom::element value, int64_t minimum,
                   int64_t maximum, std::optional<int64_t>& out);
Fault read_decimal(const JsonPlace& place, simdjson::dom::element value, double minimum,
                   double maximum, std::optional<double>& out);
Fault read_boolean(const JsonPlace& place, simdjson::dom::element value, bool& out);
Fault read_string(const JsonPlace& place, simdjson::dom::element value, std::string_view& out);
Fault read_one_of(const JsonPlace& place, simdjson::dom::element value,
                  std::span<const std::string_view> words, std::string_view& out);
Fault read_object(const JsonPlace& place, simdjson::dom::element value, simdjson::dom::object& out);
// `kind`: "an array of objects", "an array of strings".
Fault read_array(const JsonPlace& place, simdjson::dom::element value, std::string_view kind,
                 simdjson::dom::array& out);
// An object's members must be among `names`.
Fault check_names(const JsonPlace& place, simdjson::dom::object object,
                  std::span<const std::string_view> names);
// The member, unless it is absent or null.
std::optional<simdjson::dom::element> member(simdjson::dom::object object, std::string_view name);

size_t n_code_points(std::string_view text);

}  // namespace gateway
