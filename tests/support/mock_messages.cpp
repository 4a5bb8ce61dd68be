#include "tests/support/mock_messages.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/mock_steps.h"

namespace mock {

namespace {

using nlohmann::json;

constexpr std::array kMessagesMembers = {
    "cache_control", "max_tokens",     "messages", "metadata", "model",       "output_config",
    "service_tier",  "stop_sequences", "stream",   "system",   "temperature", "thinking",
    "tool_choice",   "tools",          "top_k",    "top_p"};

struct Answered {
    int status;
    const char* type;
    const char* message;
};
constexpr std::array kAnswered = {
    Answered{3, "rate_limit_error", "slow down"},  // the faults of every API
    Answered{4, "api_error", "Internal server error"},
    Answered{5, "authentication_error", "invalid x-api-key"},
    Answered{400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"},
    Answered{402, "billing_error", "your account has no credit"},
    Answered{403, "permission_error", "not yours"},
    Answered{404, "not_found_error", "model: x"},
    Answered{413, "request_too_large", "Request exceeds the maximum size"},
    Answered{504, "timeout_error", "it took too long"},
    Answered{529, "overloaded_error", "Overloaded"},
};

std::string vendor_error(int status, const std::string& type, const std::string& message,
                         std::string_view headers = "") {
    const json body = {{"type", "error"},
                       {"error", {{"type", type}, {"message", message}}},
                       {"request_id", "req_mock"}};
    return answer(status, std::string(headers) + "request-id: req_mock\r\n", body.dump());
}

std::string invalid(const std::string& message) {
    return vendor_error(400, "invalid_request_error", message);
}

bool thinks(const json& body) {
    const std::string type = body.value("/thinking/type"_json_pointer, "");
    return type == "enabled" || type == "adaptive";
}

std::string refusal_of_head(const Request& request) {
    const auto& headers = request.headers;
    if (headers.count("authorization") || !headers.count("x-api-key"))
        return vendor_error(401, "authentication_error", "x-api-key header is required");
    if (!headers.count("anthropic-version"))
        return invalid("anthropic-version: header is required");
    return {};
}

std::string refusal_of_members(const json& body) {
    if (!body.contains("max_tokens")) return invalid("max_tokens: Field required");
    for (const auto& [key, value] : body.items()) {
        if (std::find(kMessagesMembers.begin(), kMessagesMembers.end(), key) ==
            kMessagesMembers.end())
            return invalid(key + ": Extra inputs are not permitted");
    }
    if (body.value("temperature", 1.0) > 1) return invalid("temperature: range: 0..1");
    if (body.contains("temperature") && body.contains("top_p"))
        return invalid("`temperature` and `top_p` cannot both be specified for this model.");
    for (const json& tool : body.value("tools", json::array())) {
        if (tool.contains("function") || !tool.contains("name"))
            return invalid("tools.0.name: Field required");
        if (tool["input_schema"].value("type", "") != "object")
            return invalid("tools.0.input_schema.type: Field required");
    }
    if (body.contains("tool_choice") && !body.contains("tools"))
        return invalid("tool_choice may only be specified while providing tools.");
    const std::string choice = body.value("/tool_choice/type"_json_pointer, "auto");
    if (thinks(body) && (choice == "any" || choice == "tool"))
        return invalid("Thinking may not be enabled when tool_choice forces tool use.");
    if (thinks(body) && body["thinking"]["type"] == "enabled") {
        const int64_t n_budget = body["thinking"].value("budget_tokens", int64_t{0});
        if (n_budget < 1024) return invalid("thinking.enabled.budget_tokens: at least 1024");
        if (n_budget >= body["max_tokens"].get<int64_t>())
            return invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
        if (body.contains("temperature"))
            return invalid("`temperature` may only be set to 1 when thinking is enabled.");
    }
    return {};
}

std::string refusal_of_block(const json& block, bool is_assistant) {
    const std::string type = block.value("type", "");
    const bool is_reasoning = type == "thinking" || type == "redacted_thinking";
    const bool is_known =
        type == "text" || (is_assistant ? type == "tool_use" || is_reasoning
                                        : type == "image" || type == "tool_result");
    if (!is_known) return invalid("content: Input tag '" + type + "' does not match");
    if (type == "text" && block["text"] == "")
        return invalid("messages: text content blocks must be non-empty");
    if (type == "tool_use" && !block["input"].is_object())
        return invalid("tool_use.input: Input should be a valid dictionary");
    if (type == "thinking" && block.value("signature", "").rfind("signed-", 0) != 0)
        return invalid("Invalid `signature` in `thinking` block");
    return {};
}

std::string refusal_of_turns(const json& body) {
    const json& messages = body["messages"];
    if (messages.empty()) return invalid("messages: at least one message is required");
    std::set<std::string> open;  // calls of the turn before
    bool begins_turn = true;     // of the assistant
    for (const json& message : messages) {
        const bool is_assistant = message["role"] == "assistant";
        if (!is_assistant && message["role"] != "user") return invalid("messages: role");
        std::set<std::string> calls;
        bool is_first = true, has_results = false;
        for (const json& block : message["content"]) {
            if (const std::string refused = refusal_of_block(block, is_assistant); !refused.empty())
                return refused;
            const std::string type = block["type"];
            if (type == "tool_use") calls.insert(block["id"].get<std::string>());
            if (type == "tool_result") {
                has_results = true;
                if (!open.erase(block["tool_use_id"].get<std::string>()))
                    return invalid("unexpected `tool_use_id` found in `tool_result` blocks");
            } else if (!is_assistant && !open.empty()) {
                return invalid("`tool_use` ids were found without `tool_result` blocks");
            }
            const bool is_reasoning = type == "thinking" || type == "redacted_thinking";
            const bool lacks = is_assistant && is_first && begins_turn && !is_reasoning;
            const bool goes_on = messages.back()["content"][0]["type"] == "tool_result";
            if (lacks && goes_on && &message >= &messages[messages.size() - 2] &&
                body.value("/thinking/type"_json_pointer, "") == "enabled")
                return invalid("Expected `thinking` or `redacted_thinking`, but found `" + type +
                               "`");
            is_first = false;
        }
        if (!open.empty()) return invalid("`tool_use` ids were found without `tool_result` blocks");
        open = calls;
        begins_turn = is_assistant ? false : !has_results;
    }
    if (!open.empty()) return invalid("`tool_use` ids were found without `tool_result` blocks");
    return {};
}

// The vendor's message and events, put together while they are sent.
class MessagesAnswer {
public:
    MessagesAnswer(const Plan& plan, const Request& request, const json& body)
        : plan_(plan), request_(request) {
        const bool has_results = body["messages"].back()["content"][0]["type"] == "tool_result";
        calls_ = plan.tools && !has_results;
        const int64_t n_least = calls_ ? 1 : 0;
        n_reasoning_ = thinks(body) ? std::max(plan.n_reasoning, n_least) : 0;
        n_written_ = request.body.find("\"cache_control\"") == std::string::npos ? 0 : 2;
    }

    json whole() const {
        json message = head();
        for (const json& block : blocks()) message["content"].push_back(block);
        message["stop_reason"] = stop_reason();
        if (plan_.usage != Plan::UsageShape::none) message["usage"] = usage(n_output());
        return message;
    }
    int64_t n_output() const { return n_reasoning_ + (calls_ ? 2 : plan_.n_chunks); }
    int64_t n_reasoning() const { return n_reasoning_; }

    std::vector<Step> steps() {
        steps_.push_back(send(std::string(kStreamHead)));
        if (plan_.first.count() > 0) steps_.push_back(wait(plan_.first));
        json begun = head();
        begun["usage"] = usage(1);
        event("message_start", {{"message", begun}});
        event("ping", json::object());
        int64_t place = 0;
        for (const json& block : blocks()) {
            if (has_broken_) break;
            block_events(block, place++);
        }
        if (has_broken_) return std::move(steps_);
        json last = {{"delta", {{"stop_reason", stop_reason()}, {"stop_sequence", nullptr}}}};
        if (plan_.usage != Plan::UsageShape::none) last["usage"] = usage(n_output());
        event("message_delta", last);
        if (plan_.done) {
            event("message_stop", json::object());
            steps_.push_back(send("0\r\n\r\n"));
        } else {
            steps_.push_back(only(Step::Kind::close));
        }
        return std::move(steps_);
    }

private:
    json head() const {
        return {{"id", "msg_mock" + std::to_string(request_.id)},
                {"type", "message"},
                {"role", "assistant"},
                {"model", request_.model},
                {"content", json::array()},
                {"stop_reason", nullptr},
                {"stop_sequence", nullptr}};
    }
    std::string stop_reason() const {
        if (calls_) return "tool_use";
        return plan_.finish_reason == "length" ? "max_tokens" : "end_turn";
    }
    json usage(int64_t n_output) const {
        int64_t n_input = request_.n_prompt_tokens - plan_.n_cached;
        if (plan_.usage == Plan::UsageShape::zero) n_input = n_output = 0;
        if (plan_.usage == Plan::UsageShape::absurd) n_output = 1'000'000'000'000;
        return {{"input_tokens", n_input},
                {"cache_creation_input_tokens", n_written_},
                {"cache_read_input_tokens", plan_.n_cached},
                {"output_tokens", n_output},
                {"service_tier", "standard"}};
    }

    std::vector<json> blocks() const {
        std::vector<json> out;
        if (n_reasoning_ > 0) {
            std::string text;
            for (int64_t i = 0; i < n_reasoning_; ++i) text += word(plan_, i);
            out.push_back({{"type", "thinking"},
                           {"thinking", text},
                           {"signature", "signed-" + std::to_string(request_.id)}});
        }
        if (calls_) {
            out.push_back({{"type", "text"}, {"text", "Let me see."}});
            for (const char* const name : {"flow", "level"}) {
                json input = json::object();
                if (name == std::string_view("flow")) input["at"] = 1;
                out.push_back({{"type", "tool_use"},
                               {"id", std::string("toolu_") + name},
                               {"name", name},
                               {"input", input}});
            }
            return out;
        }
        std::string text;
        for (int64_t i = 0; i < plan_.n_chunks; ++i) text += word(plan_, n_reasoning_ + i);
        if (!text.empty()) out.push_back({{"type", "text"}, {"text", text}});
        return out;
    }

    void block_events(const json& block, int64_t place) {
        const std::string type = block["type"];
        json begun = block;
        if (type == "thinking") begun["thinking"] = begun["signature"] = "";
        if (type == "text") begun["text"] = "";
        if (type == "tool_use") begun["input"] = json::object();
        event("content_block_start", {{"index", place}, {"content_block", begun}});
        if (type == "thinking") {
            for (int64_t i = 0; i < n_reasoning_; ++i)
                delta(place, {{"type", "thinking_delta"}, {"thinking", word(plan_, i)}}, 1, 1);
            delta(place, {{"type", "signature_delta"}, {"signature", block["signature"]}});
        } else if (type == "tool_use" && !block["input"].empty()) {
            for (const char* const piece : {"", R"({"at")", ":1}"})
                delta(place, {{"type", "input_json_delta"}, {"partial_json", piece}});
        } else if (type == "text" && calls_) {
            delta(place, {{"type", "text_delta"}, {"text", block["text"]}});
        } else if (type == "text") {
            for (int64_t i = 0; i < plan_.n_chunks; ++i) {
                if (plan_.breaks != Plan::Break::none && i == plan_.n_before_break)
                    return break_off();
                delta(place, {{"type", "text_delta"}, {"text", word(plan_, n_reasoning_ + i)}}, 1);
            }
        }
        event("content_block_stop", {{"index", place}});
    }

    void break_off() {
        has_broken_ = true;
        if (plan_.breaks == Plan::Break::error)
            event("error", {{"error", {{"type", "overloaded_error"}, {"message", "Overloaded"}}}});
        if (plan_.breaks == Plan::Break::malformed)
            steps_.push_back(send(http_chunk("data: {\"type\":\"content_bl\n\n")));
        if (plan_.breaks == Plan::Break::reset) return steps_.push_back(only(Step::Kind::reset));
        if (plan_.breaks == Plan::Break::stall) return steps_.push_back(only(Step::Kind::hang));
        steps_.push_back(only(Step::Kind::close));
    }

    void delta(int64_t place, const json& members, int64_t n_output = 0, int64_t n_reasoning = 0) {
        event("content_block_delta", {{"index", place}, {"delta", members}}, n_output, n_reasoning);
    }

    void event(const std::string& type, json members, int64_t n_output = 0,
               int64_t n_reasoning = 0) {
        members["type"] = type;
        const std::string text = "event: " + type + "\ndata: " + members.dump() + "   \n\n";
        const size_t n_at_once = plan_.byte_wise ? 1 : text.size();
        for (size_t at = 0; at < text.size(); at += n_at_once)
            steps_.push_back(send(http_chunk(text.substr(at, n_at_once))));
        steps_.back().n_output = n_output;
        steps_.back().n_reasoning = n_reasoning;
        if (plan_.gap.count() > 0) steps_.push_back(wait(plan_.gap));
    }

    const Plan plan_;
    const Request request_;
    bool calls_ = false, has_broken_ = false;
    int64_t n_reasoning_ = 0, n_written_ = 0;
    std::vector<Step> steps_;
};

}  // namespace

bool is_messages(const Request& request) {
    constexpr std::string_view kEnd = "/messages";
    const std::string_view path = request.path;
    return path.size() >= kEnd.size() && path.substr(path.size() - kEnd.size()) == kEnd;
}

std::optional<Script> messages_refusal(const Plan& plan, const Request& request) {
    for (const Answered& one : kAnswered) {
        if (one.status != plan.fault) continue;
        const int status = plan.fault == 3   ? 429
                           : plan.fault == 4 ? 500
                           : plan.fault == 5 ? 401
                                             : plan.fault;
        const bool waits = status == 429 || status == 529;
        return script_of(
            {send(vendor_error(status, one.type, one.message, waits ? "retry-after: 7\r\n" : ""))});
    }
    const json body = json::parse(request.body);
    for (const std::string& refused :
         {refusal_of_head(request), refusal_of_members(body), refusal_of_turns(body)})
        if (!refused.empty()) return script_of({send(refused)});
    return std::nullopt;
}

Script messages_script(const Plan& plan, const Request& request) {
    MessagesAnswer made(plan, request, json::parse(request.body));
    if (request.stream) return script_of(made.steps());
    Step step = send(answer(200, "request-id: req_mock\r\n", made.whole().dump()));
    step.n_output = made.n_output();
    step.n_reasoning = made.n_reasoning();
    return script_of({step});
}

}  // namespace mock
