#pragma once
// The typed ends of the grammar table: from a checked Value into the member of a struct.
#include <type_traits>

#include "config/config.h"
#include "config/grammar.h"

namespace config {

// The words of an enum as the file spells them, in the enum's order.
template <class Enum>
struct Spelling;
template <>
struct Spelling<Encoding> {
    static constexpr std::string_view words[] = {"preview", "0731"};
};
template <>
struct Spelling<Roundings> {
    static constexpr std::string_view words[] = {"none", "official"};
};
template <>
struct Spelling<Numerics> {
    static constexpr std::string_view words[] = {"exact", "fast"};
};
template <>
struct Spelling<Kv> {
    static constexpr std::string_view words[] = {"f32", "bf16", "official"};
};
template <>
struct Spelling<UpstreamKind> {
    static constexpr std::string_view words[] = {"openai", "deepseek", "anthropic",
                                                 "openai_compatible"};
};
template <>
struct Spelling<UpstreamApi> {  // messages is not written: kind anthropic has no other
    static constexpr std::string_view words[] = {"auto", "chat", "responses"};
};
template <>
struct Spelling<PlanOrder> {
    static constexpr std::string_view words[] = {"listed",     "weighted", "cheapest", "fastest",
                                                 "least_busy", "warmest",  "auto"};
};
template <>
struct Spelling<Capability> {
    static constexpr std::string_view words[] = {"tools", "json_schema", "vision"};
};
template <>
struct Spelling<Canary::By> {
    static constexpr std::string_view words[] = {"user", "request"};
};
template <>
struct Spelling<Log::Format> {
    static constexpr std::string_view words[] = {"text", "json"};
};
template <>
struct Spelling<Log::Level> {
    static constexpr std::string_view words[] = {"debug", "info", "warning", "error"};
};
template <>
struct Spelling<Effort> {
    static constexpr std::string_view words[] = {"none", "minimal", "low", "medium",
                                                 "high", "xhigh",   "max"};
};

template <>
struct Spelling<ThinkingSpelling> {
    static constexpr std::string_view words[] = {
        "effort",        "type",      "type_and_effort", "adaptive",
        "budget_tokens", "reasoning", "enable_thinking"};
};
template <>
struct Spelling<BudgetRule> {
    static constexpr std::string_view words[] = {"refuse", "tier", "sent", "exact"};
};

template <>
struct Spelling<ReplayRule> {
    static constexpr std::string_view words[] = {"free", "required", "filled"};
};

template <class T>
void assign(T& member, const Value& value) {
    if constexpr (std::is_same_v<T, bool>) {
        member = value.flag;
    } else if constexpr (std::is_integral_v<T>) {
        member = static_cast<T>(value.number);  // in range: the table's bounds fit the member
    } else if constexpr (std::is_enum_v<T>) {
        for (size_t i = 0; i < std::size(Spelling<T>::words); ++i) {
            if (Spelling<T>::words[i] == value.text) member = static_cast<T>(i);
        }
    } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
        member = std::chrono::milliseconds(value.number);
    } else if constexpr (std::is_same_v<T, UnixMillis> || std::is_same_v<T, PicoUsd>) {
        member = T{value.number};
    } else {
        member = T(value.text);
    }
}

template <class T>
void assign(std::optional<T>& member, const Value& value) {
    assign(member.emplace(), value);
}

// into<&Listen::port>: `target` is the struct that the section describes.
template <auto Member>
struct Into;
template <class Struct, class T, T Struct::*Member>
struct Into<Member> {
    static void store(void* target, const Value& value) {
        assign(static_cast<Struct*>(target)->*Member, value);
    }
    static void* enter(void* target) { return &(static_cast<Struct*>(target)->*Member); }
    static void* emplace(void* target) {
        return &(static_cast<Struct*>(target)->*Member).emplace();
    }
    static void* append(void* target, const std::string& name) {
        auto& list = static_cast<Struct*>(target)->*Member;
        list.emplace_back().name = name;
        return &list.back();
    }
};

}  // namespace config
