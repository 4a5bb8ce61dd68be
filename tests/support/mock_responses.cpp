#include "tests/support/mock_responses.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/mock_steps.h"

namespace mock {

namespace {

using nlohmann::json;

constexpr std::array kMembers = {"background",
                                 "conversation",
                                 "include",
                                 "input",
                                 "instructions",
                                 "max_output_tokens",
                                 "max_tool_calls",
                                 "metadata",
                                 "model",
                                 "moderation",
                                 "parallel_tool_calls",
                                 "previous_response_id",
                                 "prompt",
                                 "prompt_cache_key",
                                 "prompt_cache_options",
                                 "prompt_cache_retention",
                                 "reasoning",
                                 "safety_identifier",
                                 "service_tier",
                                 "store",
                                 "stream",
                                 "stream_options",
                                 "temperature",
                                 "text",
                                 "tool_choice",
                                 "tools",
                                 "top_logprobs",
                                 "top_p",
                                 "truncation",
                                 "user"};

std::string error_text(const std::string& message, const json& param, const json& code) {
    return answer(400, "",
                  json{{"error",
                        {{"message", message},
                         {"type", "invalid_request_error"},
                         {"param", param},
                         {"code", code}}}}
                      .dump());
}

// What the vendor would refuse; empty: nothing.
std::string refusal_of(const json& body) {
    for (const auto& [key, value] : body.items()) {
        if (std::find(kMembers.begin(), kMembers.end(), key) == kMembers.end())
            return error_text("Unknown parameter: '" + key + "'.", key, "unknown_parameter");
    }
    if (body.value("max_output_tokens", 16) < 16)
        return error_text("Invalid 'max_output_tokens': integer below minimum value.",
                          "max_output_tokens", "integer_below_min_value");
    std::set<std::string> calls, results;
    size_t n = 0;
    for (const json& item : body["input"]) {
        const std::string type = item.value("type", "message");
        if (type == "function_call") calls.insert(item["call_id"].get<std::string>());
        if (type == "function_call_output") results.insert(item["call_id"].get<std::string>());
        const bool is_known = type == "message" || type == "function_call" ||
                              type == "function_call_output" || type == "reasoning";
        const std::string place = "input[" + std::to_string(n++) + "]";
        if (!is_known) return error_text("Invalid value: '" + type + "'.", place, "invalid_value");
        if (type != "message" || !item["content"].is_array()) continue;
        const bool is_assistant = item["role"] == "assistant";
        for (const json& part : item["content"]) {
            const std::string kind = part["type"];
            const bool is_output = kind == "output_text" || kind == "refusal";
            if (is_output != is_assistant)
                return error_text("Invalid value: '" + kind + "'.", place, "invalid_value");
        }
    }
    for (const std::string& call : calls) {
        if (!results.count(call))
            return error_text("No tool output found for function call " + call + ".", "input",
                              nullptr);
    }
    for (const json& tool : body.value("tools", json::array())) {
        if (tool.contains("function") || !tool.contains("strict"))
            return error_text("Missing required parameter: 'tools[0].name'.", "tools[0].name",
                              "missing_required_parameter");
    }
    return {};
}

// The vendor's object and events, put together while they are sent.
class Answer {
public:
    Answer(const Plan& plan, const Request& request, const json& body)
        : plan_(plan), request_(request) {
        const json& input = body["input"];
        const bool has_results =
            !input.empty() && input.back().value("type", "") == "function_call_output";
        calls_ = plan.tools && !has_results;
        is_cut_ = plan.finish_reason == "length";
        is_encrypted_ = body.value("include", json::array()).dump().find("encrypted_content") !=
                        std::string::npos;
        n_reasoning_ = std::max<int64_t>(plan.n_reasoning, calls_ ? 1 : 0);
    }

    json whole(const char* status, bool with_output) const {
        json response = {{"id", "resp_mock" + std::to_string(request_.id)},
                         {"object", "response"},
                         {"created_at", 1},
                         {"status", status},
                         {"error", nullptr},
                         {"incomplete_details", nullptr},
                         {"model", request_.model},
                         {"output", json::array()},
                         {"service_tier", "default"},
                         {"usage", nullptr}};
        if (std::string_view(status) == "incomplete")
            response["incomplete_details"] = {{"reason", "max_output_tokens"}};
        if (!with_output) return response;
        for (const json& item : items()) response["output"].push_back(item);
        const int64_t n_output = n_reasoning_ + (calls_ ? 2 : plan_.n_chunks);
        if (plan_.usage != Plan::UsageShape::none)
            response["usage"] = {{"input_tokens", request_.n_prompt_tokens},
                                 {"input_tokens_details", {{"cached_tokens", plan_.n_cached}}},
                                 {"output_tokens", n_output},
                                 {"output_tokens_details", {{"reasoning_tokens", n_reasoning_}}},
                                 {"total_tokens", request_.n_prompt_tokens + n_output}};
        return response;
    }
    const char* status() const { return is_cut_ ? "incomplete" : "completed"; }

    std::vector<Step> steps() {
        steps_.push_back(send(std::string(kStreamHead)));
        if (plan_.first.count() > 0) steps_.push_back(wait(plan_.first));
        event("response.created", {{"response", whole("in_progress", false)}});
        event("response.in_progress", {{"response", whole("in_progress", false)}});
        int64_t place = 0;
        for (const json& item : items()) {
            if (has_broken_) break;
            item_events(item, place++);
        }
        if (has_broken_) return std::move(steps_);
        event(std::string("response.") + status(), {{"response", whole(status(), true)}});
        if (plan_.done) {
            steps_.push_back(send("0\r\n\r\n"));
        } else {
            steps_.push_back(only(Step::Kind::close));
        }
        return std::move(steps_);
    }

private:
    std::vector<json> items() const {
        std::vector<json> out;
        if (n_reasoning_ > 0) {
            std::string text;
            for (int64_t i = 0; i < n_reasoning_; ++i) text += word(plan_, i);
            json item = {{"id", "rs_" + std::to_string(request_.id)},
                         {"type", "reasoning"},
                         {"summary", {{{"type", "summary_text"}, {"text", text}}}}};
            if (is_encrypted_) item["encrypted_content"] = "sealed-" + std::to_string(request_.id);
            out.push_back(item);
        }
        if (calls_) {
            for (const char* const name : {"flow", "level"})
                out.push_back({{"id", std::string("fc_") + name},
                               {"type", "function_call"},
                               {"call_id", std::string("call_") + name},
                               {"name", name},
                               {"arguments", R"({"at":1})"},
                               {"status", "completed"}});
            return out;
        }
        std::string text;
        for (int64_t i = 0; i < plan_.n_chunks; ++i) text += word(plan_, n_reasoning_ + i);
        out.push_back({{"id", "msg_1"},
                       {"type", "message"},
                       {"status", "completed"},
                       {"role", "assistant"},
                       {"content",
                        {{{"type", "output_text"},
                          {"text", text},
                          {"annotations", json::array()},
                          {"logprobs", json::array()}}}}});
        return out;
    }

    void item_events(const json& item, int64_t place) {
        const std::string type = item["type"];
        const json at = {{"item_id", item["id"]}, {"output_index", place}};
        json begun = item;
        if (type == "reasoning") begun["summary"] = json::array();
        if (type == "message") begun["content"] = json::array();
        if (type == "function_call") begun["arguments"] = "";
        event("response.output_item.added", {{"output_index", place}, {"item", begun}});
        if (type == "reasoning") {
            const json in = {{"summary_index", 0}};
            event("response.reasoning_summary_part.added", at, in);
            for (int64_t i = 0; i < n_reasoning_; ++i) {
                event("response.reasoning_summary_text.delta", at,
                      {{"summary_index", 0}, {"delta", word(plan_, i)}}, 1, 1);
            }
        } else if (type == "function_call") {
            for (const char* const piece : {R"({"at")", ":1}"})
                event("response.function_call_arguments.delta", at, {{"delta", piece}});
            event("response.function_call_arguments.done", at,
                  {{"name", item["name"]}, {"arguments", item["arguments"]}}, 1);
        } else {
            event("response.content_part.added", at,
                  {{"content_index", 0}, {"part", {{"type", "output_text"}, {"text", ""}}}});
            for (int64_t i = 0; i < plan_.n_chunks; ++i) {
                if (plan_.breaks != Plan::Break::none && i == plan_.n_before_break)
                    return break_off();
                event("response.output_text.delta", at,
                      {{"content_index", 0},
                       {"delta", word(plan_, n_reasoning_ + i)},
                       {"logprobs", json::array()}},
                      1);
            }
            event("response.output_text.done", at,
                  {{"content_index", 0}, {"text", item["content"][0]["text"]}});
        }
        event("response.output_item.done", {{"output_index", place}, {"item", item}});
    }

    void break_off() {
        has_broken_ = true;
        if (plan_.breaks == Plan::Break::error) {
            json failed = whole("failed", false);
            failed["error"] = {{"code", "server_error"}, {"message", "the model fell over"}};
            event("response.failed", {{"response", failed}});
        }
        if (plan_.breaks == Plan::Break::malformed)
            steps_.push_back(send(http_chunk("data: {\"type\":\"response.out\n\n")));
        if (plan_.breaks == Plan::Break::reset) return steps_.push_back(only(Step::Kind::reset));
        if (plan_.breaks == Plan::Break::stall) return steps_.push_back(only(Step::Kind::hang));
        steps_.push_back(only(Step::Kind::close));
    }

    void event(const std::string& type, json members, const json& more = {}, int64_t n_output = 0,
               int64_t n_reasoning = 0) {
        members["type"] = type;
        members["sequence_number"] = n_events_++;
        if (more.is_object()) members.update(more);
        const std::string text = "event: " + type + "\ndata: " + members.dump() + "\n\n";
        Step step = send(http_chunk(text));
        step.n_output = n_output;
        step.n_reasoning = n_reasoning;
        steps_.push_back(std::move(step));
        if (plan_.gap.count() > 0) steps_.push_back(wait(plan_.gap));
    }

    const Plan plan_;
    const Request request_;
    bool calls_ = false, is_cut_ = false, is_encrypted_ = false, has_broken_ = false;
    int64_t n_reasoning_ = 0, n_events_ = 0;
    std::vector<Step> steps_;
};

}  // namespace

bool is_responses(const Request& request) {
    const std::string_view path = request.path;
    return path.size() >= 10 && path.substr(path.size() - 10) == "/responses";
}

Script responses_script(const Plan& plan, const Request& request) {
    const json body = json::parse(request.body);
    if (const std::string refused = refusal_of(body); !refused.empty())
        return script_of({send(refused)});
    Answer made(plan, request, body);
    if (request.stream) return script_of(made.steps());
    const json whole = made.whole(made.status(), true);
    Step step = send(answer(200, "", whole.dump()));
    if (whole["usage"].is_object()) {
        step.n_output = whole["usage"]["output_tokens"];
        step.n_reasoning = whole["usage"]["output_tokens_details"]["reasoning_tokens"];
    }
    return script_of({step});
}

}  // namespace mock
