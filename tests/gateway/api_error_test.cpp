#include "gateway/api/api_error.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace gateway;
using config::FailureClass;
using nlohmann::json;

namespace {

std::string header(const ApiError& error, std::string_view name) {
    for (const auto& [key, value] : error.headers)
        if (key == name) return value;
    return "";
}

AttemptEnd failed(FailureClass failure) {
    AttemptEnd end;
    end.kind = AttemptEnd::Kind::failed;
    end.failure = failure;
    return end;
}

}  // namespace

TEST_CASE("error body: all four members, escaped, whatever the text", "[api]") {
    ApiError error;
    error.message = "a\"b\\c\n\x01\xFF";
    const json body = json::parse(error_body(error));
    CHECK(body["error"]["message"] == "a\"b\\c\n\x01\xEF\xBF\xBD");
    CHECK(body["error"]["type"] == "invalid_request_error");
    CHECK(body["error"]["param"].is_null());
    CHECK(body["error"]["code"].is_null());
    error.param = "n";
    error.code = "c";
    CHECK(json::parse(error_body(error))["error"]["param"] == "n");
    CHECK(json::parse(error_body(error))["error"]["code"] == "c");
    CHECK(body["error"].size() == 4);
}

TEST_CASE("api error: H02 and H03, keys", "[api]") {
    CHECK(missing_key().status == 401);
    CHECK(!header(missing_key(), "www-authenticate").empty());
    CHECK(api_error(billing::Error{billing::Errc::key_unknown, "sk-secret"}).code ==
          "invalid_api_key");
    CHECK(api_error(billing::Error{billing::Errc::key_unknown, "sk-secret"}).message.find("sk-") ==
          std::string::npos);
}

TEST_CASE("api error: H08, no funds is a quota that no retry helps", "[api]") {
    const ApiError error = api_error(billing::Error{billing::Errc::insufficient_funds, ""});
    CHECK(error.status == 429);
    CHECK(error.type == "insufficient_quota");
    CHECK(error.code == "insufficient_quota");
    CHECK(header(error, "x-should-retry") == "false");
    CHECK(header(error, "retry-after").empty());
}

TEST_CASE("api error: a full budget is a quota as well, and is named", "[api]") {
    billing::Error full{billing::Errc::budget_exceeded, "spent 9.99"};
    full.told = "daily budget of key 7 (10.00 USD), which begins anew at 2026-10-02T00:00:00.000Z";
    const ApiError error = api_error(full);
    CHECK(error.status == 429);
    CHECK(error.type == "insufficient_quota");
    CHECK(error.code == "insufficient_quota");
    CHECK(header(error, "x-should-retry") == "false");
    CHECK(header(error, "retry-after").empty());
    CHECK(error.message.find(full.told) != std::string::npos);
    CHECK(error.message.find("9.99") == std::string::npos);
}

TEST_CASE("api error: a key of a closed account is unknown, one from elsewhere is told so",
          "[api]") {
    CHECK(api_error(billing::Error{billing::Errc::account_closed, ""}).code == "invalid_api_key");
    const ApiError error = api_error(billing::Error{billing::Errc::network_refused, "key 7"});
    CHECK(error.status == 401);
    CHECK(error.code == "ip_not_authorized");
    CHECK(error.message.find("key 7") == std::string::npos);
}

TEST_CASE("api error: a schema that cannot be held is named, and whose it is", "[api]") {
    const ErrorContext context{"m", 0, 0};
    engine::Error error{engine::Errc::schema_unsupported, "In context=(), 'if' is not supported."};
    error.schema = {std::nullopt, "x"};
    const ApiError format = api_error(error, context);
    CHECK(format.status == 400);
    CHECK(format.message ==
          "Invalid schema for response_format 'x': In context=(), 'if' is not supported.");
    CHECK(format.param == "response_format");
    CHECK(format.code == "unsupported_value");
    error.schema = {2, "f"};
    const ApiError tool = api_error(error, context);
    CHECK(tool.message == "Invalid schema for function 'f': In context=(), 'if' is not supported.");
    CHECK(tool.param == "tools[2].function.parameters");
    CHECK(tool.code == "invalid_function_parameters");
}

TEST_CASE("api error: a ledger that cannot be written is 503 with a wait", "[api]") {
    const ApiError error =
        api_error(billing::Error{billing::Errc::ledger_unavailable, "disk full"});
    CHECK(error.status == 503);
    CHECK(error.code == "ledger_unavailable");
    CHECK(header(error, "x-should-retry") == "true");
    CHECK(header(error, "retry-after") == "1");
    CHECK(error.message.find("disk") == std::string::npos);
}

TEST_CASE("api error: C48 and C49, limits are named", "[api]") {
    const routing::Error context{
        routing::Errc::context_exceeded,
        "endpoint e: 9000 prompt and 0 output tokens in a context of 8192"};
    const ApiError too_long = api_error(context, {"m", 9000, 0});
    CHECK(too_long.status == 400);
    CHECK(too_long.code == "context_length_exceeded");
    CHECK(too_long.param == "messages");
    CHECK(too_long.message ==
          "This model's maximum context length is 8192 tokens. However, your messages resulted in "
          "9000 tokens. "
          "Please reduce the length of the messages.");
    const routing::Error output{routing::Errc::output_limit_exceeded,
                                "endpoint e: 20 asked for, at most 16"};
    CHECK(api_error(output, {"m", 1, 20}).message ==
          "max_tokens is too large: 20. This model supports at most 16 completion tokens, whereas "
          "you provided 20.");
}

TEST_CASE("api error: C38 and C59, what a model lacks is named, its endpoint is not", "[api]") {
    const ApiError lack =
        api_error(routing::Error{routing::Errc::capability_missing,
                                 "endpoint secret-7: image input is not supported"},
                  {"m", 0, 0});
    CHECK(lack.status == 400);
    CHECK(lack.message.find("image input") != std::string::npos);
    CHECK(lack.message.find("secret-7") == std::string::npos);
    const ApiError tier = api_error(routing::Error{routing::Errc::tier_unsupported,
                                                   "endpoint e: thinking none is refused there"},
                                    {"m", 0, 0});
    CHECK(tier.code == "unsupported_value");
    CHECK(tier.param == "reasoning_effort");
    CHECK(api_error(routing::Error{routing::Errc::budget_unsupported, ""}, {"m", 0, 0}).status ==
          400);
    const ApiError large = api_error(routing::Error{routing::Errc::budget_too_large,
                                                    "endpoint e: a thinking budget of 9 tokens"},
                                     {"m", 0, 0});
    CHECK(large.param == "thinking_budget");
    CHECK(large.message.find(": a thinking budget of 9 tokens. Raise") != std::string::npos);
    CHECK(api_error(routing::Error{routing::Errc::model_unknown, ""}, {"m", 0, 0}).status == 404);
    const ApiError unmet = api_error(
        routing::Error{routing::Errc::conditions_unmet, "label:team, hours"}, {"m", 0, 0});
    CHECK(unmet.status == 400);
    CHECK(unmet.code == "no_endpoint_matches");
    CHECK(unmet.message.find("label:team, hours") != std::string::npos);
}

TEST_CASE("api error: H12, faults of our own account are never the client's", "[api]") {
    for (const FailureClass failure :
         {FailureClass::credential, FailureClass::quota, FailureClass::model_gone}) {
        AttemptEnd end = failed(failure);
        end.upstream_status = 401;
        end.message = "Incorrect API key provided: sk-ours";
        const ApiError error = api_error(end);
        CHECK(error.status == 503);
        CHECK(error.code == "upstream_unavailable");
        CHECK(error.message.find("sk-ours") == std::string::npos);
    }
}

TEST_CASE("api error: H17, an upstream's wait is passed on, rounded up", "[api]") {
    using std::chrono::milliseconds;
    const std::tuple<int, const char*, const char*, const char*> rows[] = {
        {7'000, "7", "", ""},   {7'001, "8", "", ""},        {250, "1", "250", ""},
        {60'000, "60", "", ""}, {61'000, "61", "", "false"},
    };
    for (const auto& [ms, seconds, millis, retry] : rows) {
        AttemptEnd end = failed(FailureClass::rate_limit);
        end.retry_after = milliseconds(ms);
        const ApiError error = api_error(end);
        CHECK(error.status == 429);
        CHECK(error.code == "rate_limit_exceeded");
        CHECK(error.message.find("try again in") != std::string::npos);
        CHECK(header(error, "retry-after") == seconds);
        CHECK(header(error, "retry-after-ms") == millis);
        CHECK(header(error, "x-should-retry") == retry);
    }
    CHECK(header(api_error(failed(FailureClass::rate_limit)), "retry-after") == "1");
}

TEST_CASE("api error: what an upstream failed of has a status and is named", "[api]") {
    const std::tuple<FailureClass, int, const char*> rows[] = {
        {FailureClass::connect, 502, "upstream_error"},
        {FailureClass::server_error, 502, "upstream_error"},
        {FailureClass::cut, 502, "upstream_error"},
        {FailureClass::malformed, 502, "upstream_error"},
        {FailureClass::timeout_ttft, 504, "upstream_timeout"},
        {FailureClass::timeout_idle, 504, "upstream_timeout"},
        {FailureClass::overloaded, 503, "overloaded"},
    };
    for (const auto& [failure, status, code] : rows) {
        const ApiError error = api_error(failed(failure));
        CHECK(error.status == status);
        CHECK(error.code == code);
        CHECK(error.type == "server_error");
        if (status != 503)
            CHECK(error.message.find(config::to_string(failure)) != std::string::npos);
    }
}

TEST_CASE("api error: H13, the client's own fault comes in the upstream's words", "[api]") {
    AttemptEnd end = failed(FailureClass::context_exceeded);
    end.upstream_status = 400;
    end.message = "This model's maximum context length is 10 tokens.";
    end.param = "messages";
    const ApiError error = api_error(end);
    CHECK(error.status == 400);
    CHECK(error.message == end.message);
    CHECK(error.param == "messages");
    CHECK(error.code == "context_length_exceeded");
    end.failure = FailureClass::caller_fault;
    end.upstream_status = 422;
    CHECK(api_error(end).status == 400);
    CHECK_FALSE(api_error(end).code);
}

TEST_CASE("api error: refusals of the server", "[api]") {
    CHECK(http_refusal(413, "the body is too large").code == "request_too_large");
    CHECK(http_refusal(413, "the body is too large").close);
    CHECK(http_refusal(400, "bad framing").type == "invalid_request_error");
    CHECK(http_refusal(500, "secret").message.find("secret") == std::string::npos);
    CHECK(http_refusal(503, "x").status == 503);
}
