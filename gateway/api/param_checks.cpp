#include "gateway/api/param_checks.h"

#include <array>
#include <utility>

#include "gateway/api/json_document.h"

namespace gateway {

namespace {

using config::Param;
using simdjson::dom::element;

constexpr std::array<std::pair<Field, Param>, 6> kPlain = {{
    {Field::temperature, Param::temperature},
    {Field::top_p, Param::top_p},
    {Field::top_k, Param::top_k},
    {Field::presence_penalty, Param::presence_penalty},
    {Field::frequency_penalty, Param::frequency_penalty},
    {Field::logit_bias, Param::logit_bias},
}};

// What changes nothing: a penalty of 0, no bias.
bool is_neutral(Field field, const element& value) {
    double number = 1;
    simdjson::dom::object biases;
    if (field == Field::presence_penalty || field == Field::frequency_penalty)
        return !value.get(number) && number == 0;
    return field == Field::logit_bias && !value.get(biases) && biases.size() == 0;
}

// "required", a named tool, or allowed_tools of which one must be called.
bool forces_call(const element& choice) {
    std::string_view word;
    if (!choice.get(word)) return word == "required";
    simdjson::dom::object object;
    if (choice.get(object)) return false;
    if (object["type"].get(word) || word != "allowed_tools") return true;
    return !object["allowed_tools"]["mode"].get(word) && word == "required";
}

}  // namespace

config::ParamSet read_params(const RequestFields& fields) {
    config::ParamSet set;
    for (const auto& [field, param] : kPlain)
        if (const element* value = fields.find(field); value && !is_neutral(field, *value))
            set.add(param);
    int64_t n = 1;
    if (const element* value = fields.find(Field::n); value && !value->get(n) && n > 1)
        set.add(Param::n);
    bool logprobs = false;
    if (const element* value = fields.find(Field::logprobs);
        value && !value->get(logprobs) && logprobs)
        set.add(Param::logprobs);
    if (const element* value = fields.find(Field::tool_choice); value && forces_call(*value))
        set.add(Param::tool_choice);
    return set;
}

}  // namespace gateway
