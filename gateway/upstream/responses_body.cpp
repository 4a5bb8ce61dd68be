#include "gateway/upstream/responses_body.h"

#include <array>
#include <set>
#include <utility>

#include "gateway/upstream/chat_json.h"

namespace gateway {

namespace {

using chat::copy;
using chat::is_dropped;
using chat::json;
using chat::member;

// What both APIs call by the same name and mean alike.
constexpr std::array kSame = {"metadata",
                              "moderation",
                              "parallel_tool_calls",
                              "prompt_cache_key",
                              "prompt_cache_options",
                              "prompt_cache_retention",
                              "safety_identifier",
                              "service_tier",
                              "temperature",
                              "top_p",
                              "user"};

class Conversation {
public:
    Conversation(const UpstreamCall& call, const ReasoningStore& reasoning)
        : call_(call), reasoning_(reasoning) {}

    // False: see failure().
    bool add(const json& message) {
        const std::string role = member(message, "role").get<std::string>();
        if (role == "assistant") return assistant(message);
        json content = parts(member(message, "content"), "input_text");
        if (role == "tool") {
            const bool is_custom = custom_calls_.contains(member(message, "tool_call_id"));
            items_.push_back(
                {{"type", is_custom ? "custom_tool_call_output" : "function_call_output"},
                 {"call_id", member(message, "tool_call_id")},
                 {"output", std::move(content)}});
        } else {
            items_.push_back({{"role", role}, {"content", std::move(content)}});
        }
        ++n_messages_;
        return !failure_;
    }
    json take() { return std::move(items_); }
    Failure failure() { return std::move(*failure_); }

private:
    bool assistant(const json& message) {
        const json& calls = member(message, "tool_calls");
        for (const json& tool_call : calls) {
            if (put_reasoning(member(tool_call, "id"))) break;  // the calls of an answer share it
        }
        json said = parts(member(message, "content"), "output_text");
        if (said.is_string())
            said = json::array({{{"type", "output_text"}, {"text", std::move(said)}}});
        if (const json& refusal = member(message, "refusal"); refusal.is_string())
            said.push_back({{"type", "refusal"}, {"refusal", refusal}});
        if (!said.empty()) items_.push_back({{"role", "assistant"}, {"content", std::move(said)}});
        for (const json& tool_call : calls) items_.push_back(call_of(tool_call));
        ++n_messages_;
        return !failure_;
    }

    json call_of(const json& tool_call) {
        const json& id = member(tool_call, "id");
        if (member(tool_call, "type") == "custom") {
            const json& custom = member(tool_call, "custom");
            custom_calls_.insert(id);
            return {{"type", "custom_tool_call"},
                    {"call_id", id},
                    {"name", member(custom, "name")},
                    {"input", member(custom, "input")}};
        }
        const json& function = member(tool_call, "function");
        return {{"type", "function_call"},
                {"call_id", id},
                {"name", member(function, "name")},
                {"arguments", member(function, "arguments")}};
    }

    bool put_reasoning(const json& call_id) {
        const auto kept = reasoning_.find(call_.account, call_.endpoint->name,
                                          call_id.is_string() ? call_id.get<std::string>() : "");
        if (!kept) return false;
        for (json& item : json::parse(*kept)) items_.push_back(std::move(item));
        return true;
    }

    // A text stays one; parts become parts, whose texts are of `text_type`.
    json parts(const json& content, const char* text_type) {
        if (content.is_null()) return json::array();
        if (!content.is_array()) return content;
        json out = json::array();
        for (size_t i = 0; i < content.size(); ++i) out.push_back(part(content[i], i, text_type));
        return out;
    }

    json part(const json& given, size_t index, const char* text_type) {
        const std::string type = member(given, "type").get<std::string>();
        if (type == "text") return {{"type", text_type}, {"text", member(given, "text")}};
        if (type == "refusal") return {{"type", type}, {"refusal", member(given, "refusal")}};
        if (type == "image_url") {
            const json& image = member(given, "image_url");
            json out = {{"type", "input_image"}, {"image_url", member(image, "url")}};
            copy(out, image, "detail");
            return out;
        }
        if (type == "file") {
            json out = {{"type", "input_file"}};
            for (const auto& [key, value] : member(given, "file").items()) out[key] = value;
            return out;
        }
        refuse("messages[" + std::to_string(n_messages_) + "].content[" + std::to_string(index) +
                   "].type",
               type);
        return nullptr;
    }

    void refuse(const std::string& param, const std::string& type) {
        failure_ = chat::unsupported(param, type);
    }

    const UpstreamCall& call_;
    const ReasoningStore& reasoning_;
    json items_ = json::array();
    std::set<json> custom_calls_;  // ids
    size_t n_messages_ = 0;
    std::optional<Failure> failure_;
};

// Chat Completions holds a grammar one level deeper.
json custom_tool(const json& custom) {
    json flat = {{"type", "custom"}};
    for (const char* const key : {"name", "description"}) copy(flat, custom, key);
    const json& format = member(custom, "format");
    if (!format.is_object()) return flat;
    flat["format"] = {{"type", member(format, "type")}};
    for (const auto& [key, value] : member(format, "grammar").items()) flat["format"][key] = value;
    return flat;
}

// The defaults of `strict` differ between the APIs.
json tools_of(const json& given) {
    json tools = json::array();
    for (const json& tool : given) {
        if (member(tool, "type") == "custom") {
            tools.push_back(custom_tool(member(tool, "custom")));
            continue;
        }
        const json& function = member(tool, "function");
        json flat = {{"type", "function"}};
        for (const char* const key : {"name", "description", "parameters"})
            copy(flat, function, key);
        flat["strict"] =
            member(function, "strict").is_boolean() ? member(function, "strict") : json(false);
        tools.push_back(std::move(flat));
    }
    return tools;
}

json named_tool(const json& given) {
    const char* const type = member(given, "type") == "custom" ? "custom" : "function";
    return {{"type", type}, {"name", member(member(given, type), "name")}};
}

json tool_choice_of(const json& given) {
    if (!given.is_object()) return given;
    if (member(given, "type") != "allowed_tools") return named_tool(given);
    const json& allowed = member(given, "allowed_tools");
    json tools = json::array();
    for (const json& tool : member(allowed, "tools")) tools.push_back(named_tool(tool));
    return {{"type", "allowed_tools"}, {"mode", member(allowed, "mode")}, {"tools", tools}};
}

json text_settings(const json& chat) {
    json text = json::object();
    const json& format = member(chat, "response_format");
    if (format.is_object()) {
        text["format"] = {{"type", member(format, "type")}};
        for (const auto& [key, value] : member(format, "json_schema").items())
            text["format"][key] = value;
    }
    copy(text, chat, "verbosity");
    return text;
}

}  // namespace

tl::expected<std::string, Failure> responses_body(const UpstreamCall& call,
                                                  const ReasoningStore& reasoning) {
    const json chat = json::parse(call.request->body);
    Conversation conversation(call, reasoning);
    for (const json& message : member(chat, "messages"))
        if (!conversation.add(message)) return tl::unexpected(conversation.failure());

    json body = {{"model", call.endpoint->model}, {"input", conversation.take()}};
    body["stream"] = call.request->stream;
    if (call.request->stream && call.upstream->kind == config::UpstreamKind::openai)
        body["stream_options"] = {{"include_obfuscation", false}};
    body["max_output_tokens"] = call.n_output_tokens_max;
    const bool is_stored = member(chat, "store") == true;
    body["store"] = is_stored;
    json include = json::array();
    if (call.thinking.send && call.thinking.is_sized)
        body["reasoning"] = {{"effort", config::to_string(call.thinking.tier)}};
    if (call.thinking.tier != config::Effort::none && !is_stored)
        include.push_back("reasoning.encrypted_content");
    if (member(chat, "logprobs") == true && !is_dropped(call, "logprobs")) {
        include.push_back("message.output_text.logprobs");
        copy(body, chat, "top_logprobs");
    }
    if (!include.empty()) body["include"] = std::move(include);
    if (json text = text_settings(chat); !text.empty()) body["text"] = std::move(text);
    if (const json& tools = member(chat, "tools"); tools.is_array() && !tools.empty()) {
        body["tools"] = tools_of(tools);
        if (const json& choice = member(chat, "tool_choice"); !choice.is_null())
            body["tool_choice"] = tool_choice_of(choice);
    }
    for (const char* const key : kSame)
        if (!is_dropped(call, key)) copy(body, chat, key);
    return body.dump();
}

}  // namespace gateway
