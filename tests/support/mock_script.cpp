#include "tests/support/mock_script.h"

#include <deque>
#include <memory>
#include <nlohmann/json.hpp>

#include "tests/support/mock_messages.h"
#include "tests/support/mock_plan.h"
#include "tests/support/mock_responses.h"
#include "tests/support/mock_steps.h"

namespace mock {

namespace {

std::string usage_of(const Plan& plan, const Request& request) {
    int64_t n_prompt = request.n_prompt_tokens;
    int64_t n_output = plan.n_reasoning + plan.n_chunks;
    if (plan.usage == Plan::UsageShape::zero) n_prompt = n_output = 0;
    if (plan.usage == Plan::UsageShape::absurd) n_output = 1'000'000'000'000;
    return R"({"prompt_tokens":)" + std::to_string(n_prompt) + R"(,"completion_tokens":)" +
           std::to_string(n_output) + R"(,"total_tokens":)" + std::to_string(n_prompt + n_output) +
           R"(,"prompt_tokens_details":{"cached_tokens":)" + std::to_string(plan.n_cached) +
           R"(},"completion_tokens_details":{"reasoning_tokens":)" +
           std::to_string(plan.n_reasoning) + "}}";
}

// Makes the events of a streamed answer one by one.
class Stream {
public:
    Stream(Plan plan, Request request) : plan_(std::move(plan)), request_(std::move(request)) {
        queue_.push_back(send(std::string(kStreamHead)));
        if (plan_.first.count() > 0) queue_.push_back(wait(plan_.first));
        event(delta(R"({"role":"assistant","content":""})", "null"), 0, 0);
    }

    std::optional<Step> operator()() {
        while (queue_.empty() && !ended_) produce();
        if (queue_.empty()) return std::nullopt;
        Step step = std::move(queue_.front());
        queue_.pop_front();
        return step;
    }

private:
    void produce() {
        if (plan_.breaks != Plan::Break::none && n_sent_ == plan_.n_before_break)
            return break_off();
        const int64_t n_tokens = plan_.n_reasoning + (plan_.tools ? kToolDeltas : plan_.n_chunks);
        if (n_sent_ == n_tokens) return finish();
        const int64_t i = n_sent_++;
        const bool reasons = i < plan_.n_reasoning;
        if (plan_.tools && !reasons)
            return event(delta(tool_delta(i - plan_.n_reasoning), "null"), 1, 0);
        const std::string text = '"' + word(plan_, i) + '"';  // nothing in it needs escaping
        event(delta((reasons ? R"({"reasoning_content":)" : R"({"content":)") + text + "}", "null"),
              1, reasons ? 1 : 0);
    }

    void break_off() {
        ended_ = true;
        switch (plan_.breaks) {
            case Plan::Break::error:
                event(
                    R"({"error":{"message":"the model fell over","type":"server_error","code":null}})",
                    0, 0);
                queue_.push_back(only(Step::Kind::close));
                break;
            case Plan::Break::malformed:
                event(R"({"choices":[{"index":0,"delta":{"content":)", 0, 0);
                queue_.push_back(only(Step::Kind::close));
                break;
            case Plan::Break::reset:
                queue_.push_back(only(Step::Kind::reset));
                break;
            case Plan::Break::stall:
            case Plan::Break::none:
                queue_.push_back(only(Step::Kind::hang));
                break;
        }
    }

    void finish() {
        ended_ = true;
        using Shape = Plan::UsageShape;
        const std::string usage = usage_of(plan_, request_);
        if (plan_.usage == Shape::in_delta) {
            event(chunk(R"({"index":0,"delta":{},"finish_reason":null})", usage), 0, 0);
        }
        event(delta("{}", '"' + plan_.finish_reason + '"'), 0, 0);
        if (!plan_.done) {
            queue_.push_back(only(Step::Kind::close));
            return;
        }
        if (request_.include_usage && plan_.usage != Shape::none &&
            plan_.usage != Shape::in_delta) {
            if (plan_.usage == Shape::twice) {
                event(chunk("", R"({"prompt_tokens":1,"completion_tokens":1,"total_tokens":2})"), 0,
                      0);
            }
            event(chunk("", usage), 0, 0);
        }
        push("data: [DONE]\n\n", 0, 0);
        queue_.push_back(send("0\r\n\r\n"));
    }

    // Two calls, interleaved, without an index; one piece is empty.
    static std::string tool_delta(int64_t i) {
        static constexpr const char* kPieces[kToolDeltas] = {
            R"({"tool_calls":[{"id":"call_a","type":"function","function":{"name":"flow","arguments":""}}]})",
            R"({"tool_calls":[{"function":{"arguments":"{\"at\":"}}]})",
            R"({"tool_calls":[{"id":"call_b","type":"function","function":{"name":"level","arguments":"{}"}}]})",
            R"({"tool_calls":[{"id":"call_a","function":{"arguments":"1}"}}]})",
            R"({"tool_calls":[{"id":"call_b","function":{"arguments":""}}]})",
        };
        return kPieces[i];
    }

    std::string chunk(const std::string& choices, const std::string& usage) const {
        return R"({"id":"chatcmpl-mock)" + std::to_string(request_.id) +
               R"(","object":"chat.completion.chunk","created":1,"model":)" +
               nlohmann::json(request_.model).dump() + R"(,"choices":[)" + choices + "]" +
               (usage.empty() ? "" : R"(,"usage":)" + usage) + "}";
    }
    std::string delta(const std::string& delta, const std::string& finish) const {
        return chunk(R"({"index":0,"delta":)" + delta + R"(,"finish_reason":)" + finish + "}",
                     request_.include_usage ? "null" : "");
    }
    void event(const std::string& data, int64_t n_output, int64_t n_reasoning) {
        push("data: " + data + "\n\n", n_output, n_reasoning);
        if (plan_.gap.count() > 0 && !plan_.byte_wise) queue_.push_back(wait(plan_.gap));
    }
    void push(const std::string& bytes, int64_t n_output, int64_t n_reasoning) {
        if (!plan_.byte_wise)
            return queue_.push_back(
                {Step::Kind::send, http_chunk(bytes), {}, n_output, n_reasoning});
        for (const char c : bytes) {
            queue_.push_back(send(http_chunk({&c, 1})));
            if (plan_.gap.count() > 0) queue_.push_back(wait(plan_.gap));
        }
        queue_.back().n_output = n_output;
        queue_.back().n_reasoning = n_reasoning;
    }

    static constexpr int64_t kToolDeltas = 5;
    const Plan plan_;
    const Request request_;
    std::deque<Step> queue_;
    int64_t n_sent_ = 0;
    bool ended_ = false;
};

std::string completion(const Plan& plan, const Request& request) {
    std::string text, reasoning;
    for (int64_t i = 0; i < plan.n_reasoning; ++i) reasoning += word(plan, i);
    for (int64_t i = 0; i < plan.n_chunks; ++i) text += word(plan, plan.n_reasoning + i);
    std::string message =
        R"({"role":"assistant","content":)" + nlohmann::json(text).dump() + R"(,"refusal":null)";
    if (plan.n_reasoning > 0)
        message += R"(,"reasoning_content":)" + nlohmann::json(reasoning).dump();
    if (plan.tools) {
        message +=
            R"(,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"flow","arguments":"{}"}}])";
    }
    std::string body = R"({"id":"chatcmpl-mock)" + std::to_string(request.id) +
                       R"(","object":"chat.completion","created":1,"model":)" +
                       nlohmann::json(request.model).dump() +
                       R"(,"choices":[{"index":0,"message":)" + message +
                       R"(},"logprobs":null,"finish_reason":")" + plan.finish_reason + "\"}]";
    if (plan.usage != Plan::UsageShape::none) body += R"(,"usage":)" + usage_of(plan, request);
    return body + "}";
}

Script unstreamed(const Plan& plan, const Request& request) {
    std::vector<Step> steps;
    if (plan.first.count() > 0) steps.push_back(wait(plan.first));
    const std::string body = completion(plan, request);
    Step whole = send(answer(200, "", body));
    whole.n_output = plan.n_reasoning + plan.n_chunks;
    whole.n_reasoning = plan.n_reasoning;
    const std::string half = whole.bytes.substr(0, whole.bytes.size() - body.size() / 2);
    switch (plan.breaks) {
        case Plan::Break::reset:
            return script_of({send(half), only(Step::Kind::reset)});
        case Plan::Break::stall:
            return script_of({send(half), only(Step::Kind::hang)});
        case Plan::Break::malformed:
            return script_of({send(answer(200, "", body.substr(0, body.size() / 2)))});
        case Plan::Break::error:
            return script_of({send(answer(
                200, "", R"({"error":{"message":"the model fell over","type":"server_error"}})"))});
        case Plan::Break::none:
            break;
    }
    if (plan.byte_wise) {
        steps.push_back(send(whole.bytes.substr(0, whole.bytes.size() - body.size())));
        for (const char c : body) {
            steps.push_back(send(std::string(1, c)));
            if (plan.gap.count() > 0) steps.push_back(wait(plan.gap));
        }
        steps.back().n_output = whole.n_output;
        steps.back().n_reasoning = whole.n_reasoning;
    } else if (!plan.done) {
        whole.bytes =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n" + body;
        steps.push_back(std::move(whole));
        steps.push_back(only(Step::Kind::close));
    } else {
        steps.push_back(std::move(whole));
    }
    return script_of(steps);
}

Script refusal(int status, const char* headers, const char* body) {
    return script_of({send(answer(status, headers, body))});
}

// The faults that come before any answer.
std::optional<Script> early_fault(int fault, bool stream) {
    switch (fault) {
        case 1:
            return script_of({only(Step::Kind::reset)});
        case 2:
            return script_of({only(Step::Kind::hang)});
        case 3:
            return refusal(
                429, "retry-after: 1\r\n",
                R"({"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}})");
        case 4:
            return refusal(
                500, "",
                R"({"error":{"message":"it broke","type":"server_error","param":null,"code":null}})");
        case 5:
            return refusal(
                401, "",
                R"({"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})");
        case 6: {
            const std::string head = stream ? std::string(kStreamHead)
                                            : "HTTP/1.1 200 OK\r\ncontent-type: "
                                              "application/json\r\ncontent-length: 100\r\n\r\n";
            return script_of({send(head), only(Step::Kind::hang)});
        }
        default:
            return std::nullopt;
    }
}

int64_t content_bytes(const nlohmann::json& content) {
    if (content.is_string())
        return static_cast<int64_t>(content.get_ref<const std::string&>().size());
    int64_t n = 0;
    if (!content.is_array()) return 0;
    for (const auto& part : content) {
        if (part.is_object() && part.contains("text")) n += content_bytes(part["text"]);
    }
    return n;
}

}  // namespace

Script script_of(const std::vector<Step>& steps) {
    auto rest = std::make_shared<std::deque<Step>>(steps.begin(), steps.end());
    return [rest]() -> std::optional<Step> {
        if (rest->empty()) return std::nullopt;
        Step step = std::move(rest->front());
        rest->pop_front();
        return step;
    };
}

void read_body(Request& request) {
    const nlohmann::json body = nlohmann::json::parse(request.body, nullptr, false);
    if (!body.is_object()) return;
    const auto number = [&](const char* key) {
        return body.contains(key) && body[key].is_number_integer() ? body[key].get<int64_t>()
                                                                   : int64_t{0};
    };
    if (body.contains("model") && body["model"].is_string()) request.model = body["model"];
    request.stream = body.contains("stream") && body["stream"] == true;
    if (body.contains("stream_options") && body["stream_options"].is_object()) {
        request.include_usage = body["stream_options"].value("include_usage", false);
    }
    request.n_output_max = number("max_completion_tokens");
    if (request.n_output_max == 0) request.n_output_max = number("max_tokens");
    if (request.n_output_max == 0) request.n_output_max = number("max_output_tokens");
    int64_t n_bytes = 0;
    const char* const list = body.contains("input") ? "input" : "messages";
    if (body.contains(list) && body[list].is_array()) {
        for (const auto& message : body[list]) {
            if (message.is_object() && message.contains("content"))
                n_bytes += content_bytes(message["content"]);
        }
    }
    request.n_prompt_tokens = n_bytes / 4 + 3;
}

Script script_for(const Request& request) {
    const Plan plan = plan_of(request);
    if (is_messages(request)) {
        if (auto refused = messages_refusal(plan, request)) return std::move(*refused);
    }
    if (auto early = early_fault(plan.fault, request.stream)) return std::move(*early);
    if (is_responses(request)) return responses_script(plan, request);
    if (is_messages(request)) return messages_script(plan, request);
    if (!request.stream) return unstreamed(plan, request);
    auto stream = std::make_shared<Stream>(plan, request);
    return [stream] { return (*stream)(); };
}

}  // namespace mock
