#include "gateway/api/thinking_ask.h"

#include <limits>

#include "gateway/api/json_document.h"

namespace gateway {

namespace {

using config::Effort;
using routing::ThinkingAsk;
using simdjson::dom::element;

constexpr std::array<std::string_view, 7> kEfforts = {"none", "minimal", "low", "medium",
                                                      "high", "xhigh",   "max"};
constexpr std::array<std::string_view, 3> kThinkingTypes = {"enabled", "disabled", "adaptive"};
constexpr std::array<std::string_view, 3> kReasoningNames = {"effort", "max_tokens", "enabled"};
constexpr std::array<std::string_view, 2> kThinkingNames = {"type", "budget_tokens"};
constexpr std::array<std::string_view, 1> kOutputConfigNames = {"effort"};
constexpr std::array<std::string_view, 3> kTemplateNames = {"reasoning_effort", "enable_thinking",
                                                            "thinking"};

ApiError conflict(const JsonPlace& place) {
    return bad_request(
        "The request asks for thinking in ways that contradict each other, here with '" +
            place.text() + "'. Give one effort, or one budget in tokens, or switch thinking off.",
        place.text(), "conflicting_reasoning_controls");
}

// What was said so far. Saying the same again is no conflict.
class Controls {
public:
    Fault effort(const JsonPlace& place, std::optional<element> value) {
        std::string_view word;
        if (!value) return {};
        if (auto fault = read_string(place, *value, word)) return fault;
        const auto effort = config::parse_effort(word);
        if (!effort) return invalid_value(place, word, kEfforts);
        if (effort_ && *effort_ != *effort) return conflict(place);
        effort_ = *effort;
        return consistent(place);
    }

    Fault on_or_off(const JsonPlace& place, std::optional<element> value) {
        bool on = false;
        if (!value) return {};
        if (auto fault = read_boolean(place, *value, on)) return fault;
        return set_on(place, on);
    }

    Fault set_on(const JsonPlace& place, bool on) {
        if (on_ && *on_ != on) return conflict(place);
        on_ = on;
        return consistent(place);
    }

    Fault budget(const JsonPlace& place, std::optional<element> value) {
        std::optional<int64_t> n;
        if (!value) return {};
        if (auto fault = read_integer(place, *value, 0, std::numeric_limits<int64_t>::max(), n))
            return fault;
        if (budget_ && *budget_ != *n) return conflict(place);
        budget_ = *n;
        return consistent(place);
    }

    ThinkingAsk ask() const {
        using Kind = ThinkingAsk::Kind;
        if (is_off()) return {Kind::effort, Effort::none, 0};
        if (effort_) return {Kind::effort, *effort_, 0};
        if (budget_) return {Kind::budget, Effort::none, *budget_};
        if (on_) return {Kind::on, Effort::none, 0};
        return {};
    }

private:
    bool is_off() const { return on_ == false || budget_ == 0 || effort_ == Effort::none; }
    bool is_on() const {
        return on_ == true || budget_.value_or(0) > 0 ||
               effort_.value_or(Effort::none) != Effort::none;
    }
    Fault consistent(const JsonPlace& place) const {
        const bool two_sizes = effort_.value_or(Effort::none) != Effort::none && budget_;
        return two_sizes || (is_on() && is_off()) ? Fault(conflict(place)) : Fault();
    }

    std::optional<Effort> effort_;
    std::optional<bool> on_;
    std::optional<int64_t> budget_;
};

// Reads a field that is an object with these names.
Fault open(const RequestFields& fields, Field field, std::span<const std::string_view> names,
           simdjson::dom::object& out) {
    const JsonPlace place(to_string(field));
    if (auto fault = read_object(place, *fields.find(field), out)) return fault;
    return check_names(place, out, names);
}

Fault read_reasoning(const RequestFields& fields, Controls& controls) {
    simdjson::dom::object object;
    if (!fields.find(Field::reasoning)) return {};
    if (auto fault = open(fields, Field::reasoning, kReasoningNames, object)) return fault;
    const JsonPlace place("reasoning");
    if (auto fault = controls.effort({place, "effort"}, member(object, "effort"))) return fault;
    if (auto fault = controls.on_or_off({place, "enabled"}, member(object, "enabled")))
        return fault;
    return controls.budget({place, "max_tokens"}, member(object, "max_tokens"));
}

Fault read_output_config(const RequestFields& fields, Controls& controls) {
    simdjson::dom::object object;
    if (!fields.find(Field::output_config)) return {};
    if (auto fault = open(fields, Field::output_config, kOutputConfigNames, object)) return fault;
    return controls.effort({JsonPlace("output_config"), "effort"}, member(object, "effort"));
}

Fault read_template(const RequestFields& fields, Controls& controls) {
    simdjson::dom::object object;
    if (!fields.find(Field::chat_template_kwargs)) return {};
    if (auto fault = open(fields, Field::chat_template_kwargs, kTemplateNames, object))
        return fault;
    const JsonPlace place("chat_template_kwargs");
    if (auto fault =
            controls.effort({place, "reasoning_effort"}, member(object, "reasoning_effort")))
        return fault;
    if (auto fault =
            controls.on_or_off({place, "enable_thinking"}, member(object, "enable_thinking")))
        return fault;
    return controls.on_or_off({place, "thinking"}, member(object, "thinking"));
}

Fault read_thinking_object(const RequestFields& fields, Controls& controls) {
    simdjson::dom::object object;
    if (!fields.find(Field::thinking)) return {};
    if (auto fault = open(fields, Field::thinking, kThinkingNames, object)) return fault;
    const JsonPlace place("thinking");
    if (const auto type = member(object, "type")) {
        std::string_view word;
        if (auto fault = read_one_of({place, "type"}, *type, kThinkingTypes, word)) return fault;
        if (auto fault = controls.set_on({place, "type"}, word != "disabled")) return fault;
    } else {
        return missing_parameter({place, "type"});
    }
    return controls.budget({place, "budget_tokens"}, member(object, "budget_tokens"));
}

std::optional<element> given(const RequestFields& fields, Field field) {
    const element* const value = fields.find(field);
    return value ? std::optional(*value) : std::nullopt;
}

}  // namespace

Fault read_thinking(const RequestFields& fields, routing::ThinkingAsk& out) {
    Controls controls;
    if (auto fault =
            controls.effort(JsonPlace("reasoning_effort"), given(fields, Field::reasoning_effort)))
        return fault;
    if (auto fault = read_reasoning(fields, controls)) return fault;
    if (auto fault = read_output_config(fields, controls)) return fault;
    if (auto fault = read_template(fields, controls)) return fault;
    if (auto fault = read_thinking_object(fields, controls)) return fault;
    for (const Field field : {Field::enable_thinking, Field::think})
        if (auto fault = controls.on_or_off(JsonPlace(to_string(field)), given(fields, field)))
            return fault;
    if (auto fault =
            controls.budget(JsonPlace("thinking_budget"), given(fields, Field::thinking_budget)))
        return fault;
    out = controls.ask();
    return {};
}

}  // namespace gateway
