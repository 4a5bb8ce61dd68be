#include "gateway/upstream/messages_body.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "gateway/upstream/chat_json.h"
#include "gateway/upstream/messages_turns.h"

namespace gateway {

namespace {

using chat::copy;
using chat::is_dropped;
using chat::json;
using chat::member;

// Models from 4.7 on leave the text of their thinking out unless asked for it.
json thinking_of(const routing::Thinking& thinking, config::ThinkingSpelling spelling) {
    if (thinking.tier == config::Effort::none) return {{"type", "disabled"}};
    if (thinking.n_budget_tokens > 0)
        return {{"type", "enabled"}, {"budget_tokens", thinking.n_budget_tokens}};
    const bool is_switch = spelling == config::ThinkingSpelling::type ||
                           spelling == config::ThinkingSpelling::type_and_effort;
    if (is_switch) return {{"type", "enabled"}};
    return {{"type", "adaptive"}, {"display", "summarized"}};
}

void say_thinking(const UpstreamCall& call, json& body) {
    const routing::Thinking& thinking = call.thinking;
    const config::ThinkingSpelling spelling = call.endpoint->thinking.spelling;
    if (!thinking.send) return;
    body["thinking"] = thinking_of(thinking, spelling);
    const bool is_sized = thinking.is_sized && thinking.tier != config::Effort::none &&
                          thinking.n_budget_tokens == 0 &&
                          spelling != config::ThinkingSpelling::type;
    if (is_sized) body["output_config"]["effort"] = config::to_string(thinking.tier);
}

// Of tools that were checked; custom ones were refused.
class Tools {
public:
    explicit Tools(const json& chat) : chat_(chat) {}

    void say(json& body) {
        const json& choice = member(chat_, "tool_choice");
        const bool is_subset = member(choice, "type") == "allowed_tools";
        const json& allowed = member(choice, is_subset ? "allowed_tools" : "");
        json tools = json::array();
        const json& given = member(chat_, "tools");
        for (size_t i = 0; i < given.size(); ++i)
            if (is_allowed(given[i], allowed)) tools.push_back(tool(given[i], i));
        if (tools.empty()) return;
        body["tools"] = std::move(tools);
        json chosen = choice_of(choice, allowed);
        const bool is_serial = member(chat_, "parallel_tool_calls") == false;
        if (is_serial && member(chosen, "type") != "none") {
            if (chosen.empty()) chosen["type"] = "auto";
            chosen["disable_parallel_tool_use"] = true;
        }
        if (!chosen.empty()) body["tool_choice"] = std::move(chosen);
    }
    std::optional<Failure>& failure() { return failure_; }

private:
    static const json& name_of(const json& tool) {
        return member(member(tool, "function"), "name");
    }

    // A subset is what is left of the tools.
    static bool is_allowed(const json& tool, const json& allowed) {
        if (!allowed.is_object()) return true;
        const json& tools = member(allowed, "tools");
        return std::ranges::any_of(tools,
                                   [&](const json& one) { return name_of(one) == name_of(tool); });
    }

    json tool(const json& given, size_t index) {
        const json& function = member(given, "function");
        json out = {{"name", member(function, "name")}};
        copy(out, function, "description");
        json schema = member(function, "parameters");
        if (!schema.is_object()) schema = json::object();
        if (!schema.contains("type")) schema["type"] = "object";
        out["input_schema"] = std::move(schema);
        if (member(function, "strict") == true) out["strict"] = true;
        json control = cache_control_of(given, "tools[" + std::to_string(index) + "].", failure_);
        if (!control.is_null()) out["cache_control"] = std::move(control);
        return out;
    }

    static json choice_of(const json& choice, const json& allowed) {
        if (choice == "required" || member(allowed, "mode") == "required") return {{"type", "any"}};
        if (choice == "auto" || choice == "none") return {{"type", choice}};
        if (!choice.is_object() || allowed.is_object()) return json::object();
        return {{"type", "tool"}, {"name", name_of(choice)}};
    }

    const json& chat_;
    std::optional<Failure> failure_;
};

// Neutral values are left out: some models refuse two of these at once.
void say_sampling(const UpstreamCall& call, const json& chat, json& body) {
    for (const char* const key : {"temperature", "top_p"})
        if (!is_dropped(call, key) && member(chat, key) != 1) copy(body, chat, key);
    const json& top_k = member(chat, "top_k");
    if (!is_dropped(call, "top_k") && top_k.is_number() && top_k > 0) body["top_k"] = top_k;
    if (const auto& stop = call.request->sampling.stop; !stop.empty())
        body["stop_sequences"] = stop;
}

json user_of(const json& chat) {
    for (const char* const key : {"safety_identifier", "user"})
        if (const json& user = member(chat, key); user.is_string()) return user;
    const json& metadata = member(chat, "metadata");
    return metadata.is_object() ? member(metadata, "user_id") : json();
}

}  // namespace

tl::expected<std::string, Failure> messages_body(const UpstreamCall& call,
                                                 const ReasoningStore& reasoning) {
    const json chat = json::parse(call.request->body);
    MessagesTurns turns(call, reasoning);
    for (const json& message : member(chat, "messages"))
        if (!turns.add(message)) return tl::unexpected(turns.failure());

    json body = {{"model", call.endpoint->model}, {"max_tokens", call.n_output_tokens_max}};
    if (json system = turns.take_system(); !system.empty()) body["system"] = std::move(system);
    body["messages"] = turns.take_turns();
    if (body["messages"].empty()) {
        return tl::unexpected(chat::refused("messages",
                                            "Invalid value for 'messages': with this model a "
                                            "message of the user must say something.",
                                            "invalid_value"));
    }
    body["stream"] = call.request->stream;
    say_thinking(call, body);
    if (const json& format = member(chat, "response_format"); format.is_object()) {
        const json& schema = member(format, "json_schema");
        if (schema.is_object())
            body["output_config"]["format"] = {{"type", "json_schema"},
                                               {"schema", member(schema, "schema")}};
    }
    say_sampling(call, chat, body);
    Tools tools(chat);
    tools.say(body);
    if (json user = user_of(chat); user.is_string()) body["metadata"] = {{"user_id", user}};
    if (member(chat, "service_tier") == "default") body["service_tier"] = "standard_only";
    json control = cache_control_of(chat, "", tools.failure());
    if (tools.failure()) return tl::unexpected(std::move(*tools.failure()));
    if (!control.is_null()) body["cache_control"] = std::move(control);
    return body.dump();
}

}  // namespace gateway
