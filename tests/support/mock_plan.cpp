#include "tests/support/mock_plan.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace mock {

namespace {

std::vector<std::string_view> split(std::string_view name) {
    std::vector<std::string_view> parts;
    while (true) {
        const size_t dash = name.find('-');
        parts.push_back(name.substr(0, dash));
        if (dash == name.npos) return parts;
        name.remove_prefix(dash + 1);
    }
}

// "k3" against "k": 3. False if it is another word.
bool read_number(std::string_view part, std::string_view key, int64_t& value) {
    if (part.substr(0, key.size()) != key) return false;
    const std::string_view digits = part.substr(key.size());
    int64_t n = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (error != std::errc() || end != digits.data() + digits.size()) return false;
    value = n;
    return true;
}

void read_parameter(Plan& plan, std::string_view part) {
    int64_t ms = 0;
    if (read_number(part, "n", plan.n_chunks) || read_number(part, "r", plan.n_reasoning) ||
        read_number(part, "k", plan.n_before_break) || read_number(part, "c", plan.n_cached) ||
        read_number(part, "b", plan.n_text_bytes)) {
        return;
    }
    if (read_number(part, "ms", ms)) plan.gap = std::chrono::milliseconds(ms);
    if (read_number(part, "first", ms)) plan.first = std::chrono::milliseconds(ms);
    if (part == "absurd") plan.usage = Plan::UsageShape::absurd;
    if (part == "twice") plan.usage = Plan::UsageShape::twice;
    if (part == "delta") plan.usage = Plan::UsageShape::in_delta;
}

void apply_fault(Plan& plan) {
    switch (plan.fault) {
        case 7:
            plan.breaks = Plan::Break::reset;
            break;
        case 8:
            plan.breaks = Plan::Break::stall;
            break;
        case 9:
            plan.done = false;
            break;
        case 10:
            plan.usage = Plan::UsageShape::none;
            break;
        case 11:
            plan.usage = Plan::UsageShape::zero;
            break;
        case 12:
            plan.byte_wise = true;
            break;
        case 13:
            plan.tools = true;
            break;
        case 14:
            plan.breaks = Plan::Break::error;
            break;
        case 15:
            plan.breaks = Plan::Break::malformed;
            break;
        case 16:
            plan.byte_wise = true;
            plan.gap = std::chrono::seconds(1);
            break;
        default:
            break;
    }
}

void hold_limit(Plan& plan, int64_t n_output_max) {
    if (plan.fault == 17) {  // thinks until the limit and says nothing
        plan.n_reasoning = n_output_max > 0 ? n_output_max : 20;
        plan.n_chunks = 0;
        plan.finish_reason = "length";
        return;
    }
    if (n_output_max <= 0) return;
    if (plan.fault == 18) {
        plan.n_chunks = n_output_max + 5;
        return;
    }
    if (plan.n_reasoning + plan.n_chunks <= n_output_max) return;
    plan.n_reasoning = std::min(plan.n_reasoning, n_output_max);
    plan.n_chunks = n_output_max - plan.n_reasoning;
    plan.finish_reason = "length";
}

}  // namespace

Plan plan_of(const Request& request) {
    Plan plan;
    const std::vector<std::string_view> parts = split(request.model);
    size_t n_read = 1;
    int64_t fault = 0;
    if (parts[0] == "fault" && parts.size() > 1 && read_number(parts[1], "", fault)) {
        plan.fault = static_cast<int>(fault);
        apply_fault(plan);
        n_read = 2;
    }
    const bool takes_parameters = plan.fault != 0 || parts[0] == "ok";
    for (size_t i = n_read; takes_parameters && i < parts.size(); ++i)
        read_parameter(plan, parts[i]);
    if (plan.tools) {
        plan.finish_reason = "tool_calls";
    } else {
        hold_limit(plan, request.n_output_max);
    }
    return plan;
}

}  // namespace mock
