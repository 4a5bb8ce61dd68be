#include "gateway/api/api_error.h"

#include <charconv>

#include "gateway/api/json_text.h"
#include "gateway/api/request_errors.h"

namespace gateway {

namespace {

ApiError server_fault(int status, std::string message, std::optional<std::string> code) {
    ApiError error;
    error.status = status;
    error.message = std::move(message);
    error.type = "server_error";
    error.code = std::move(code);
    return error;
}

void never_retry(ApiError& error) {
    error.headers.emplace_back("x-should-retry", "false");
}

ApiError retry_soon(ApiError error) {
    error.headers.emplace_back("retry-after", "1");
    error.headers.emplace_back("x-should-retry", "true");
    return error;
}

ApiError insufficient_funds() {
    ApiError error;
    error.status = 429;
    error.message =
        "You exceeded your current quota: the funds of your account do not cover the most that "
        "this "
        "request may cost. Ask for more credit, or for fewer output tokens.";
    error.type = "insufficient_quota";
    error.code = "insufficient_quota";
    never_retry(error);
    return error;
}

ApiError budget_exceeded(const std::string& budget) {
    ApiError error = insufficient_funds();
    error.message =
        "You exceeded your current quota: the most that this request may cost does not "
        "fit into the " +
        budget + ". Ask for a higher one, or for fewer output tokens.";
    return error;
}

ApiError ledger_unavailable() {
    return retry_soon(
        server_fault(503, "New paid requests cannot be recorded at the moment. Please try again.",
                     "ledger_unavailable"));
}

// Only who runs this server can mend it: asking again is of no use.
ApiError unpriced() {
    ApiError error = server_fault(503, "The model has no price at the moment.", "model_unpriced");
    error.headers.emplace_back("x-should-retry", "false");
    return error;
}

// The limit that a folder's detail ends with.
std::optional<int64_t> number_at_end(std::string_view text) {
    const size_t last = text.find_last_not_of("0123456789");
    const std::string_view digits = last == text.npos ? text : text.substr(last + 1);
    int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc() || digits.empty()) return std::nullopt;
    return value;
}

// What is lacking, without the name of the endpoint that lacks it.
std::string_view without_endpoint(std::string_view detail) {
    const size_t colon = detail.find(": ");
    return detail.starts_with("endpoint ") && colon != detail.npos ? detail.substr(colon + 2)
                                                                   : detail;
}

ApiError context_exceeded(std::optional<int64_t> n_ctx, const ErrorContext& context) {
    std::string text = "This model's maximum context length is ";
    text += n_ctx ? std::to_string(*n_ctx) + " tokens." : "smaller than what this request needs.";
    const std::string n_prompt = std::to_string(context.n_prompt_tokens);
    if (context.n_output_tokens_max > 0) {
        text += " However, you requested " +
                std::to_string(context.n_prompt_tokens + context.n_output_tokens_max) +
                " tokens (" + n_prompt + " in the messages, " +
                std::to_string(context.n_output_tokens_max) +
                " in the completion). Please reduce the length of the messages or completion.";
    } else {
        text += " However, your messages resulted in " + n_prompt +
                " tokens. Please reduce the length of the messages.";
    }
    return bad_request(std::move(text), "messages", "context_length_exceeded");
}

ApiError output_limit_exceeded(std::optional<int64_t> limit, const ErrorContext& context) {
    const std::string asked = std::to_string(context.n_output_tokens_max);
    std::string text = "max_tokens is too large: " + asked + ".";
    if (limit)
        text += " This model supports at most " + std::to_string(*limit) +
                " completion tokens, whereas you provided " + asked + ".";
    return bad_request(std::move(text), "max_tokens", "invalid_value");
}

// In the words of strict_schema.h, whose checks the schema has passed.
ApiError schema_unsupported(const engine::Error& error) {
    const engine::SchemaPlace& schema = error.schema;
    const std::string of = schema.tool ? "function '" : "response_format '";
    const std::string text = "Invalid schema for " + of + schema.name + "': " + error.detail;
    if (!schema.tool) return bad_request(text, "response_format", "unsupported_value");
    return bad_request(text, "tools[" + std::to_string(*schema.tool) + "].function.parameters",
                       "invalid_function_parameters");
}

std::string quoted_model(const ErrorContext& context) {
    return std::string("`").append(context.model).append("`");
}

// "endpoint x: logprobs,n while it thinks"
ApiError param_unsupported(std::string_view detail, const ErrorContext& context) {
    const std::string what(without_endpoint(detail));
    return bad_request("Unsupported parameter: the model " + quoted_model(context) +
                           " does not take " + what + ". Switch thinking off, or leave it out.",
                       what.substr(0, what.find_first_of(", ")), "unsupported_parameter");
}

}  // namespace

std::string error_body(const ApiError& error) {
    std::string out;
    out.reserve(error.message.size() + 96);
    out += R"({"error":{"message":)";
    append_json_string(out, error.message);
    out += R"(,"type":)";
    append_json_string(out, error.type);
    out += R"(,"param":)";
    append_json_string_or_null(out, error.param ? &*error.param : nullptr);
    out += R"(,"code":)";
    append_json_string_or_null(out, error.code ? &*error.code : nullptr);
    return out += "}}";
}

ApiError api_error(const billing::Error& error) {
    switch (error.code) {
        case billing::Errc::key_unknown:
            return invalid_key();
        case billing::Errc::account_closed:
            return invalid_key();
        case billing::Errc::network_refused:
            return network_refused();
        case billing::Errc::insufficient_funds:
            return insufficient_funds();
        case billing::Errc::budget_exceeded:
            return budget_exceeded(error.told);
        case billing::Errc::ledger_unavailable:
        case billing::Errc::ledger_broken:
        case billing::Errc::owned_by_other:
            return ledger_unavailable();
        case billing::Errc::ledger_busy:
            return overloaded();
        case billing::Errc::unpriced:
            return unpriced();
        case billing::Errc::account_unknown:
        case billing::Errc::request_unknown:
        case billing::Errc::refund_refused:
        case billing::Errc::reference_taken:
        case billing::Errc::text_invalid:
        case billing::Errc::name_taken:
        case billing::Errc::name_invalid:
        case billing::Errc::amount_invalid:
        case billing::Errc::time_zone_unknown:
        case billing::Errc::query_invalid:
        case billing::Errc::budget_invalid:
        case billing::Errc::budget_unknown:
            break;  // of commands, not of requests
    }
    return internal_error();
}

ApiError api_error(const routing::Error& error, const ErrorContext& context) {
    switch (error.code) {
        case routing::Errc::model_unknown:
            return model_unknown(context.model);
        case routing::Errc::context_exceeded:
            return context_exceeded(number_at_end(error.detail), context);
        case routing::Errc::output_limit_exceeded:
            return output_limit_exceeded(number_at_end(error.detail), context);
        case routing::Errc::capability_missing:
            return bad_request("The model " + quoted_model(context) +
                                   " does not support this request: " +
                                   std::string(without_endpoint(error.detail)) + ".",
                               std::nullopt, "unsupported_parameter");
        case routing::Errc::tier_unsupported:
            return bad_request(
                "Unsupported value: 'reasoning_effort' does not support what was asked for with "
                "this model: " +
                    std::string(without_endpoint(error.detail)) + ".",
                "reasoning_effort", "unsupported_value");
        case routing::Errc::budget_unsupported:
            return bad_request("Unsupported value: the model " + quoted_model(context) +
                                   " does not support a thinking budget in tokens. Use "
                                   "'reasoning_effort' instead.",
                               "thinking_budget", "unsupported_value");
        case routing::Errc::param_unsupported:
            return param_unsupported(error.detail, context);
        case routing::Errc::reasoning_missing:
            return bad_request(
                "The `reasoning_content` of earlier tool calls must be sent back while "
                "the model " +
                    quoted_model(context) + " thinks. Send it, or switch thinking off.",
                "messages", "missing_required_parameter");
        case routing::Errc::conditions_unmet:
            return bad_request("The model " + quoted_model(context) +
                                   " takes no such request now. Of its conditions do not hold: " +
                                   error.detail + ".",
                               std::nullopt, "no_endpoint_matches");
        case routing::Errc::thinking_degraded:
            return bad_request(
                "Unsupported value: this key takes thinking only as it is asked for, "
                "and the model " +
                    quoted_model(context) +
                    " cannot keep that: " + std::string(without_endpoint(error.detail)) + ".",
                "reasoning_effort", "unsupported_value");
        case routing::Errc::budget_too_large:
            return bad_request("The thinking budget must leave room for an answer: " +
                                   std::string(without_endpoint(error.detail)) +
                                   ". Raise 'max_completion_tokens' or lower the budget.",
                               "thinking_budget", "invalid_value");
    }
    return internal_error();
}

ApiError api_error(const engine::Error& error, const ErrorContext& context) {
    switch (error.code) {
        case engine::Errc::context_exceeded:
            return context_exceeded(number_at_end(error.detail), context);
        case engine::Errc::prompt_invalid:
            return bad_request("The messages cannot be rendered for the model " +
                                   quoted_model(context) +
                                   ": it answers a conversation that ends with a user message.",
                               "messages", "invalid_value");
        case engine::Errc::schema_unsupported:
            return schema_unsupported(error);
        case engine::Errc::unsupported:
            return bad_request(
                "The model " + quoted_model(context) + " does not support this request.",
                std::nullopt, "unsupported_parameter");
        case engine::Errc::overloaded:
        case engine::Errc::shutting_down:
            return overloaded();
        case engine::Errc::file_missing:
        case engine::Errc::file_broken:
            break;
    }
    return internal_error();
}

ApiError missing_key() {
    ApiError error;
    error.status = 401;
    error.message =
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using "
        "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
    error.headers.emplace_back("www-authenticate", "Bearer realm=\"weir\"");
    never_retry(error);
    return error;
}

ApiError invalid_key() {
    ApiError error;
    error.status = 401;
    error.message = "Incorrect API key provided.";  // and nothing of the key
    error.code = "invalid_api_key";
    error.headers.emplace_back("www-authenticate", "Bearer realm=\"weir\"");
    never_retry(error);
    return error;
}

ApiError network_refused() {
    ApiError error = invalid_key();
    error.message = "This API key may not be used from your IP address.";
    error.code = "ip_not_authorized";
    return error;
}

ApiError model_unknown(std::string_view model) {
    constexpr size_t kEchoBytesMax = 256;
    ApiError error;
    error.status = 404;
    error.message.append("The model `").append(model.substr(0, kEchoBytesMax));
    error.message += "` does not exist or you do not have access to it.";
    error.code = "model_not_found";
    return error;
}

ApiError overloaded() {
    return retry_soon(server_fault(
        503, "The server is currently overloaded with other requests. Please try again.",
        "overloaded"));
}

ApiError internal_error() {
    return server_fault(500, "The server had an error while processing your request.",
                        std::nullopt);
}

ApiError http_refusal(int status, std::string_view reason) {
    if (status == 500) {
        ApiError error = internal_error();
        error.close = true;
        return error;
    }
    if (status == 503) {
        ApiError error = overloaded();
        error.close = true;
        return error;
    }
    ApiError error;
    error.status = status;
    error.message = reason;
    if (status >= 500) error.type = "server_error";
    if (status == 413) error.code = "request_too_large";
    if (status == 408) error.code = "request_timeout";
    error.close = true;
    return error;
}

}  // namespace gateway
