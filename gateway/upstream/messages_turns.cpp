#include "gateway/upstream/messages_turns.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace gateway {

namespace {

using chat::json;
using chat::member;

constexpr size_t kArgumentsDepthMax = 256;

// Ids that other upstreams made may have characters that are refused here.
std::string tool_use_id(const json& given) {
    const std::string id = given.is_string() ? given.get<std::string>() : "";
    const bool is_plain = std::ranges::all_of(
        id, [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
    if (is_plain && !id.empty()) return id;
    uint64_t hash = 14'695'981'039'346'656'037u;  // FNV-1a
    for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
    return "toolu_" + std::to_string(hash);
}

// Nothing if that is no JSON object, or nested deeper than anyone writes by hand.
std::optional<json> input_of(const std::string& arguments) {
    if (arguments.find_first_not_of(" \t\r\n") == arguments.npos) return json::object();
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.allocate(arguments.size(), kArgumentsDepthMax) ||
        parser.parse(arguments).get(object))
        return std::nullopt;
    json input = json::parse(arguments, nullptr, false);
    if (!input.is_object()) return std::nullopt;
    return input;
}

std::string joined_texts(const json& blocks) {
    std::string out;
    for (const json& block : blocks)
        if (member(block, "type") == "text") out += member(block, "text").get<std::string>();
    return out;
}

const json* call_in(const json& calls, const json& id) {
    const auto found =
        std::ranges::find_if(calls, [&](const json& block) { return member(block, "id") == id; });
    return found == calls.end() ? nullptr : &*found;
}

// Whether an answer that is kept says what the client says it said.
bool is_same(const json& kept, const json& texts, const json& calls) {
    size_t n_calls = 0;
    for (const json& block : kept) {
        if (member(block, "type") != "tool_use") continue;
        if (!call_in(calls, tool_use_id(member(block, "id")))) return false;
        ++n_calls;
    }
    return n_calls == calls.size() && joined_texts(kept) == joined_texts(texts);
}

bool is_thinking(const json& block) {
    const json& type = member(block, "type");
    return type == "thinking" || type == "redacted_thinking";
}

}  // namespace

json cache_control_of(const json& object, const std::string& place,
                      std::optional<Failure>& failure) {
    const json& given = member(object, "cache_control");
    if (given.is_null()) return nullptr;
    const json& ttl = member(given, "ttl");
    const bool is_short = ttl.is_null() || ttl == "5m";
    if (given.is_object() && member(given, "type") == "ephemeral" && is_short) return given;
    failure = chat::refused(place + "cache_control",
                            "Unsupported value: '" + place +
                                "cache_control' must be {\"type\":\"ephemeral\"} with this model, "
                                "with a ttl of 5m or none.",
                            "unsupported_value");
    return nullptr;
}

bool MessagesTurns::add(const json& message) {
    const std::string role = member(message, "role").get<std::string>();
    bool added = false;
    if (role == "assistant") {
        added = assistant(message);
    } else if (role == "tool") {
        added = tool(message);
    } else if (role == "function") {
        added = refuse(chat::unsupported(place("role"), role));
    } else {
        json blocks = blocks_of(member(message, "content"));
        if (json control = cache_control_of(message, place(""), failure_); !control.is_null())
            if (!blocks.empty()) blocks.back()["cache_control"] = std::move(control);
        if (role == "user") {
            push("user", std::move(blocks));
        } else {
            for (json& block : blocks) system_.push_back(std::move(block));
        }
        added = !failure_;
    }
    ++n_messages_;
    return added;
}

bool MessagesTurns::assistant(const json& message) {
    json texts = blocks_of(member(message, "content"));
    const json& refusal = member(message, "refusal");
    if (refusal.is_string() && refusal != "")
        texts.push_back({{"type", "text"}, {"text", refusal}});
    json calls = calls_of(message);
    const json kept = kept_blocks(member(message, "tool_calls"));
    json blocks = in_order(kept, std::move(texts), std::move(calls));
    if (json control = cache_control_of(message, place(""), failure_); !control.is_null())
        if (!blocks.empty() && !is_thinking(blocks.back()))
            blocks.back()["cache_control"] = std::move(control);
    push("assistant", std::move(blocks));
    return !failure_;
}

json MessagesTurns::in_order(const json& kept, json texts, json calls) const {
    json blocks = json::array();
    if (is_same(kept, texts, calls)) {
        for (const json& block : kept) {
            const bool is_call = member(block, "type") == "tool_use";
            blocks.push_back(is_call ? *call_in(calls, tool_use_id(member(block, "id"))) : block);
        }
        return blocks;
    }
    for (const json& block : kept)
        if (is_thinking(block)) blocks.push_back(block);
    for (json& block : texts) blocks.push_back(std::move(block));
    for (json& block : calls) blocks.push_back(std::move(block));
    return blocks;
}

// The calls of an answer share what is kept.
json MessagesTurns::kept_blocks(const json& calls) const {
    if (call_.thinking.tier == config::Effort::none) return json::array();
    for (const json& tool_call : calls) {
        const json& id = member(tool_call, "id");
        const auto kept = reasoning_.find(call_.account, call_.endpoint->name,
                                          id.is_string() ? id.get<std::string>() : "");
        if (kept) return json::parse(*kept);
    }
    return json::array();
}

json MessagesTurns::calls_of(const json& message) {
    json blocks = json::array();
    if (!member(message, "function_call").is_null())
        refuse(chat::unsupported(place("function_call"), "function_call"));
    for (const json& tool_call : member(message, "tool_calls")) {
        const std::string here = place("tool_calls[" + std::to_string(blocks.size()) + "].");
        const json& function = member(tool_call, "function");
        if (member(tool_call, "type") == "custom" || !function.is_object()) {
            refuse(chat::unsupported(here + "type", "custom"));
            return blocks;
        }
        auto input = input_of(member(function, "arguments").get<std::string>());
        if (!input) {
            refuse(chat::refused(here + "function.arguments",
                                 "Invalid value for '" + here +
                                     "function.arguments': with this model they must be a JSON "
                                     "object.",
                                 "invalid_value"));
            return blocks;
        }
        blocks.push_back({{"type", "tool_use"},
                          {"id", tool_use_id(member(tool_call, "id"))},
                          {"name", member(function, "name")},
                          {"input", std::move(*input)}});
    }
    return blocks;
}

bool MessagesTurns::tool(const json& message) {
    json result = {{"type", "tool_result"},
                   {"tool_use_id", tool_use_id(member(message, "tool_call_id"))}};
    json content = blocks_of(member(message, "content"));
    if (!content.empty()) result["content"] = std::move(content);
    if (json control = cache_control_of(message, place(""), failure_); !control.is_null())
        result["cache_control"] = std::move(control);
    push("user", json::array({std::move(result)}));
    return !failure_;
}

// Texts that are empty say nothing.
json MessagesTurns::blocks_of(const json& content) {
    json blocks = json::array();
    if (content.is_string() && content != "")
        blocks.push_back({{"type", "text"}, {"text", content}});
    if (!content.is_array()) return blocks;
    for (size_t i = 0; i < content.size() && !failure_; ++i) {
        json block = block_of(content[i], i);
        const std::string here = place("content[" + std::to_string(i) + "].");
        json control = cache_control_of(content[i], here, failure_);
        if (block.is_null()) continue;
        if (!control.is_null()) block["cache_control"] = std::move(control);
        blocks.push_back(std::move(block));
    }
    return blocks;
}

json MessagesTurns::block_of(const json& part, size_t index) {
    const std::string here = place("content[" + std::to_string(index) + "].");
    const std::string type = member(part, "type").get<std::string>();
    if (type == "image_url") return image(part, here + "image_url.url");
    if (type != "text" && type != "refusal") {
        refuse(chat::unsupported(here + "type", type));
        return nullptr;
    }
    const json& text = member(part, type.c_str());
    if (text == "") return nullptr;
    return {{"type", "text"}, {"text", text}};
}

json MessagesTurns::image(const json& part, const std::string& place) {
    constexpr std::array<std::string_view, 4> kTypes = {"image/jpeg", "image/png", "image/gif",
                                                        "image/webp"};
    constexpr std::string_view kBase64 = ";base64,";
    const std::string url = member(member(part, "image_url"), "url").get<std::string>();
    if (url.starts_with("https://"))
        return {{"type", "image"}, {"source", {{"type", "url"}, {"url", url}}}};
    const size_t comma = url.find(',');
    const bool is_data = url.starts_with("data:") && comma != url.npos;
    if (!is_data || std::string_view(url).substr(0, comma + 1).find(kBase64) == url.npos) {
        refuse(chat::refused(place,
                             "Invalid value for '" + place +
                                 "': with this model it must be an https URL or a base64 data URL.",
                             "invalid_value"));
        return nullptr;
    }
    std::string type = url.substr(5, url.find(';') - 5);
    for (char& c : type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (type == "image/jpg") type = "image/jpeg";
    if (std::ranges::find(kTypes, type) == kTypes.end()) {
        refuse(
            chat::refused(place,
                          "Invalid value for '" + place +
                              "': with this model an image must be one of jpeg, png, gif and webp.",
                          "invalid_value"));
        return nullptr;
    }
    return {
        {"type", "image"},
        {"source", {{"type", "base64"}, {"media_type", type}, {"data", url.substr(comma + 1)}}}};
}

void MessagesTurns::push(const char* role, json blocks) {
    if (blocks.empty()) return;
    const bool goes_on = !turns_.empty() && turns_.back()["role"] == role;
    if (!goes_on) {
        turns_.push_back({{"role", role}, {"content", std::move(blocks)}});
        return;
    }
    for (json& block : blocks) turns_.back()["content"].push_back(std::move(block));
}

// The first reason is the one that is told.
bool MessagesTurns::refuse(Failure failure) {
    if (!failure_) failure_ = std::move(failure);
    return false;
}

std::string MessagesTurns::place(const std::string& within) const {
    return "messages[" + std::to_string(n_messages_) + "]." + within;
}

}  // namespace gateway
