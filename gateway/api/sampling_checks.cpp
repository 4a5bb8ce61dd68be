#include <algorithm>
#include <charconv>
#include <limits>

#include "gateway/api/json_document.h"
#include "gateway/api/option_checks.h"

namespace gateway {

namespace {

using simdjson::dom::element;

constexpr int64_t kIntMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kIntMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kChoicesMax = 128;
constexpr int64_t kTopLogprobsMax = 20;
constexpr size_t kStopsMax = 4;
constexpr double kBiasMax = 100;
constexpr int64_t kTopKMax = 1'000'000;

float as_float(const std::optional<double>& value, float otherwise) {
    return value ? static_cast<float>(*value) : otherwise;
}

Fault check_logprobs(const RequestFields& fields, engine::Sampling& sampling) {
    std::optional<int64_t> n_top;
    if (auto fault = fields.boolean(Field::logprobs, sampling.logprobs)) return fault;
    if (!fields.find(Field::top_logprobs)) return {};
    if (auto fault = fields.integer(Field::top_logprobs, 0, kIntMax, n_top)) return fault;
    if (*n_top > kTopLogprobsMax)
        return bad_request("Invalid value for 'top_logprobs': must be less than or equal to 20.",
                           "top_logprobs");
    if (!sampling.logprobs)
        return bad_request(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
            "top_logprobs");
    sampling.n_top_logprobs = static_cast<int>(*n_top);
    return {};
}

bool is_token_id(std::string_view text) {
    constexpr size_t kDigitsMax = 10;
    return !text.empty() && text.size() <= kDigitsMax &&
           text.find_first_not_of("0123456789") == text.npos;
}

Fault check_logit_bias(const RequestFields& fields, engine::Sampling& sampling) {
    const element* const value = fields.find(Field::logit_bias);
    if (!value) return {};
    const JsonPlace place("logit_bias");
    simdjson::dom::object map;
    if (auto fault = read_object(place, *value, map)) return fault;
    for (const auto [id, bias] : map) {
        std::optional<double> number;
        if (!is_token_id(id))
            return bad_request("Invalid key in 'logit_bias': " + abbreviated(id) +
                                   ". You should only be submitting non-negative integers.",
                               "logit_bias");
        if (auto fault = read_decimal({place, id}, bias, -kBiasMax, kBiasMax, number)) return fault;
        int32_t token = 0;  // no vocabulary reaches what does not fit
        const auto read = std::from_chars(id.data(), id.data() + id.size(), token);
        if (read.ec == std::errc() && *number != 0)
            sampling.logit_bias.emplace_back(token, static_cast<float>(*number));
    }
    return {};
}

Fault check_stop(const RequestFields& fields, std::vector<std::string>& stop) {
    const element* const value = fields.find(Field::stop);
    if (!value) return {};
    const JsonPlace place("stop");
    std::string_view text;
    if (!value->get(text)) {
        if (!text.empty()) stop.emplace_back(text);
        return {};
    }
    simdjson::dom::array list;
    if (value->get(list))
        return wrong_type(place, "one of a string or array of strings", type_word(*value));
    size_t index = 0;
    for (const element item : list) {
        if (index == kStopsMax)
            return bad_request(
                "Invalid 'stop': array too long. Expected an array with maximum length 4, but got "
                "an array with length " +
                    std::to_string(list.size()) + " instead.",
                "stop", "array_above_max_length");
        if (auto fault = read_string({place, index++}, item, text)) return fault;
        if (!text.empty()) stop.emplace_back(text);
    }
    return {};
}

}  // namespace

Fault check_sampling(const RequestFields& fields, ChatRequest& request) {
    std::optional<int64_t> n, seed;
    std::optional<double> temperature, top_p, presence, frequency;
    if (auto fault =
            fields.integer(Field::max_completion_tokens, 1, kIntMax, request.n_output_tokens_max))
        return fault;
    if (auto fault = fields.integer(Field::n, 1, kChoicesMax, n)) return fault;
    if (auto fault = fields.decimal(Field::temperature, 0, 2, temperature)) return fault;
    if (auto fault = fields.decimal(Field::top_p, 0, 1, top_p)) return fault;
    if (auto fault = fields.decimal(Field::presence_penalty, -2, 2, presence)) return fault;
    if (auto fault = fields.decimal(Field::frequency_penalty, -2, 2, frequency)) return fault;
    if (auto fault = check_logprobs(fields, request.sampling)) return fault;
    std::string_view user;
    if (auto fault = fields.string(Field::user, user)) return fault;
    if (auto fault = fields.integer(Field::seed, kIntMin, kIntMax, seed)) return fault;
    request.n_choices = static_cast<int>(n.value_or(1));
    request.sampling.temperature = as_float(temperature, 1.0f);
    request.sampling.top_p = as_float(top_p, 1.0f);
    if (seed) request.sampling.seed = static_cast<uint64_t>(*seed);
    request.needs_penalties = presence.value_or(0) != 0 || frequency.value_or(0) != 0;
    return {};
}

Fault check_max_tokens(const RequestFields& fields, ChatRequest& request) {
    std::optional<int64_t> n_max;
    if (auto fault = fields.integer(Field::max_tokens, 1, kIntMax, n_max)) return fault;
    if (!n_max) return {};
    if (request.n_output_tokens_max.value_or(*n_max) != *n_max)
        return bad_request(
            "'max_tokens' and 'max_completion_tokens' are both given and differ. Give one of them.",
            "max_tokens", "invalid_value");
    request.n_output_tokens_max = n_max;
    return {};
}

Fault check_bias_and_stop(const RequestFields& fields, ChatRequest& request) {
    if (auto fault = check_logit_bias(fields, request.sampling)) return fault;
    return check_stop(fields, request.sampling.stop);
}

Fault check_extensions(const RequestFields& fields, ChatRequest& request) {
    std::optional<int64_t> top_k;
    std::optional<double> min_p, repetition;
    if (auto fault = fields.integer(Field::top_k, -1, kTopKMax, top_k)) return fault;
    if (auto fault = fields.decimal(Field::min_p, 0, 1, min_p)) return fault;
    if (auto fault = fields.decimal(Field::repetition_penalty, 0, 2, repetition)) return fault;
    // -1 is what some servers call "off".
    request.sampling.top_k = static_cast<int>(std::max<int64_t>(0, top_k.value_or(0)));
    request.sampling.min_p = as_float(min_p, 0.0f);
    request.needs_penalties |= repetition.value_or(1) != 1;
    return {};
}

}  // namespace gateway
