#include "gateway/api/chat_request.h"

#include <algorithm>
#include <array>

#include "gateway/api/dialect_gaps.h"
#include "gateway/api/json_document.h"
#include "gateway/api/message_checks.h"
#include "gateway/api/option_checks.h"
#include "gateway/api/param_checks.h"
#include "gateway/api/prompt_bound.h"
#include "gateway/api/thinking_ask.h"
#include "gateway/api/tool_checks.h"

namespace gateway {

namespace {

using simdjson::dom::element;

Fault check_model(const RequestFields& fields, std::string& model) {
    std::string_view text;
    if (auto fault = fields.string(Field::model, text)) return fault;
    if (text.empty()) return bad_request("you must provide a model parameter");
    model = text;
    return {};
}

// The order of openai-wire 1.2 behind `messages` missing.
Fault check_fields(const RequestFields& fields, ChatRequest& request) {
    MessageFacts messages;
    ToolFacts tools;
    if (auto fault = fields.unknown()) return fault;
    if (auto fault = check_unsupported(fields)) return fault;
    if (auto fault = check_messages(fields, wants_json_word(fields), messages)) return fault;
    if (auto fault = check_tools(fields, tools)) return fault;
    if (auto fault = check_sampling(fields, request)) return fault;
    if (auto fault = check_identity_and_cache(fields)) return fault;
    if (auto fault = check_response_format(fields, messages.says_json)) return fault;
    if (auto fault = check_service_tier(fields, request)) return fault;
    if (auto fault = check_max_tokens(fields, request)) return fault;
    if (auto fault = read_thinking(fields, request.thinking)) return fault;
    if (auto fault = check_bias_and_stop(fields, request)) return fault;
    if (auto fault = check_stream(fields, request)) return fault;
    if (auto fault = check_rest(fields)) return fault;
    if (auto fault = check_extensions(fields, request)) return fault;
    request.params = read_params(fields);
    request.replayed = messages.replayed;
    request.needs_custom_tools = tools.has_custom;
    request.needs_functions = tools.has_functions;
    request.needs_images = messages.has_media;
    request.has_tools = tools.n_tools > 0;
    request.needs_json_schema = wants_json_schema(fields);
    request.chat_only = missing_in_responses(fields, request);
    request.no_messages = missing_in_messages(fields, request);
    const PromptBound bound = prompt_bound(fields, messages, tools);
    request.n_prompt_tokens_bound = bound.n_tokens_max;
    request.n_prompt_tokens_estimate = bound.n_tokens_likely;
    return {};
}

Fault parse(JsonDocument& document, const config::Limits& limits, const ModelTest& model_exists,
            ChatRequest& request) {
    if (auto fault = document.parse(request.body, limits)) return fault;
    request.members = document.members(request.body);
    const RequestFields fields(document.root(), request.body, request.members);
    if (auto fault = check_model(fields, request.model)) return fault;
    if (!fields.find(Field::messages)) return missing_parameter(JsonPlace("messages"));
    if (model_exists && !model_exists(request.model)) return model_unknown(request.model);
    return check_fields(fields, request);
}

}  // namespace

struct ChatRequestParser::State {
    JsonDocument document;
};

ChatRequestParser::ChatRequestParser() : state_(std::make_unique<State>()) {}
ChatRequestParser::~ChatRequestParser() = default;

tl::expected<ChatRequest, ApiError> ChatRequestParser::parse(std::string body,
                                                             const config::Limits& limits,
                                                             const ModelTest& model_exists) {
    tl::expected<ChatRequest, ApiError> result;
    result->body = std::move(body);
    auto fault = gateway::parse(state_->document, limits, model_exists, *result);
    state_->document.shrink();
    if (fault) return tl::unexpected(std::move(*fault));
    return result;
}

namespace {

ChatRequestParser& thread_parser() {
    thread_local ChatRequestParser parser;
    return parser;
}

}  // namespace

tl::expected<ChatRequest, ApiError> parse_chat_request(std::string body,
                                                       const config::Limits& limits) {
    return thread_parser().parse(std::move(body), limits, nullptr);
}

tl::expected<ChatRequest, ApiError> parse_chat_request(std::string body,
                                                       const config::Config& config) {
    return thread_parser().parse(std::move(body), config.limits, [&](std::string_view model) {
        return config.route_by_model.count(model) > 0;
    });
}

}  // namespace gateway
