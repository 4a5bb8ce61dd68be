#include "gateway/api/message_fields.h"

#include <algorithm>

namespace gateway {

namespace {

using simdjson::dom::element;
using Slot = std::optional<element> MessageFields::*;

struct Name {
    std::string_view name;
    Slot slot;  // null: accepted, not looked at
    bool assistants_only;
};

// What clients replay from the answers of any server is taken back from them.
constexpr std::array kFieldNames = {
    Name{"role", &MessageFields::role, false},
    Name{"content", &MessageFields::content, false},
    Name{"name", &MessageFields::name, false},
    Name{"tool_call_id", &MessageFields::tool_call_id, false},
    Name{"cache_control", nullptr, false},
    Name{"function_call", &MessageFields::function_call, true},
    Name{"refusal", &MessageFields::refusal, true},
    Name{"reasoning_content", &MessageFields::reasoning_content, true},
    Name{"reasoning", &MessageFields::reasoning, true},
    Name{"reasoning_details", nullptr, true},
    Name{"thinking_blocks", nullptr, true},
    Name{"annotations", nullptr, true},
    Name{"parsed", nullptr, true},  // openai-node's tool runner adds it
};

}  // namespace

Fault MessageFields::read(const JsonPlace& place, element message) {
    simdjson::dom::object object;
    if (auto fault = read_object(place, message, object)) return fault;
    for (const auto [key, value] : object) {
        const JsonPlace here(place, key);
        if (key == "tool_calls") {
            simdjson::dom::array calls;
            if (value.is_null()) continue;
            if (auto fault = read_array(here, value, "an array of objects", calls)) return fault;
            for (const element call : calls) tool_calls.push_back(call);
            if (!tool_calls.empty() && assistants_only.empty()) assistants_only = key;
            continue;
        }
        if (key == "audio") {
            // An earlier spoken answer is kept by the vendor: how many tokens it is, nobody can say
            // here.
            if (!value.is_null())
                return unsupported_value(
                    here, "'audio' of earlier answers cannot be sent again. Send their text.");
            continue;
        }
        const auto known =
            std::find_if(kFieldNames.begin(), kFieldNames.end(),
                         [&name = key](const Name& candidate) { return candidate.name == name; });
        if (known == kFieldNames.end()) return unknown_parameter(here);
        if (value.is_null()) continue;
        if (known->slot) this->*known->slot = value;
        if (known->assistants_only && assistants_only.empty()) assistants_only = known->name;
    }
    return {};
}

Fault MessageFields::belongs_to(std::string_view its_role, const JsonPlace& place) const {
    if (its_role != "assistant" && !assistants_only.empty())
        return unknown_parameter({place, assistants_only});
    if (its_role != "tool" && tool_call_id) return unknown_parameter({place, "tool_call_id"});
    if (its_role == "tool" && !tool_call_id) return missing_parameter({place, "tool_call_id"});
    if (its_role == "function" && !name) return missing_parameter({place, "name"});
    return {};
}

}  // namespace gateway
