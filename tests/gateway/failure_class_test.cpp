#include "gateway/upstream/failure_class.h"

#include <catch2/catch.hpp>

using config::FailureClass;
using gateway::classify;
using gateway::parse_retry_after;
using gateway::read_error_body;

TEST_CASE("failure class: the upstream's own word first, then the status", "[failure]") {
    struct Case {
        int status;
        const char* body;
        FailureClass expected;
    };
    const Case cases[] = {
        {401, "", FailureClass::credential},
        {403,
         R"({"error":{"message":"m","type":"request_forbidden","code":"unsupported_country_region_territory"}})",
         FailureClass::credential},
        {400, R"({"error":{"code":"invalid_api_key"}})", FailureClass::credential},
        {402, R"({"error":{"message":"Insufficient Balance"}})", FailureClass::quota},
        {429, R"({"error":{"type":"insufficient_quota","code":"insufficient_quota"}})",
         FailureClass::quota},
        {404, R"({"error":{"code":"model_not_found"}})", FailureClass::model_gone},
        {404, R"({"error":"model 'x' not found"})", FailureClass::model_gone},
        {400, R"({"error":{"code":"model_not_found"}})", FailureClass::model_gone},
        {429, R"({"error":{"type":"tokens","code":"rate_limit_exceeded"}})",
         FailureClass::rate_limit},
        {429, "<html>", FailureClass::rate_limit},
        {503, "", FailureClass::overloaded},
        {529, R"({"error":{"type":"overloaded_error"}})", FailureClass::overloaded},
        {503, R"({"error":{"type":"server_error"}})", FailureClass::overloaded},
        {500, R"({"error":{"type":"server_error"}})", FailureClass::server_error},
        {502, "<html>bad gateway</html>", FailureClass::server_error},
        {504, "", FailureClass::server_error},
        {302, "", FailureClass::server_error},
        {408, "", FailureClass::server_error},
        {400, R"({"error":{"code":"context_length_exceeded"}})", FailureClass::context_exceeded},
        {400,
         R"({"object":"error","message":"This model's maximum context length is 8 tokens.","type":"BadRequestError","code":400})",
         FailureClass::context_exceeded},
        {400, R"({"error":{"code":"content_policy_violation"}})", FailureClass::content_policy},
        {400, R"({"error":{"type":"invalid_request_error","param":"n","code":null}})",
         FailureClass::caller_fault},
        {422, R"({"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]})",
         FailureClass::caller_fault},
        {400, R"([{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}])",
         FailureClass::caller_fault},
        {400,
         R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}})",
         FailureClass::context_exceeded},
        {400,
         R"({"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 9 + 6 > 8"}})",
         FailureClass::context_exceeded},
        {400,
         R"({"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}})",
         FailureClass::quota},
        {400,
         R"({"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}})",
         FailureClass::content_policy},
        {402, R"({"type":"error","error":{"type":"billing_error"}})", FailureClass::quota},
        {403, R"({"type":"error","error":{"type":"permission_error"}})", FailureClass::credential},
        {404, R"({"type":"error","error":{"type":"not_found_error"}})", FailureClass::model_gone},
        {413, R"({"type":"error","error":{"type":"request_too_large"}})",
         FailureClass::caller_fault},
        {504, R"({"type":"error","error":{"type":"timeout_error"}})", FailureClass::server_error},
        {200, R"({"error":{"message":"x","code":429}})", FailureClass::rate_limit},
        {200, R"({"error":{"message":"x"}})", FailureClass::server_error},
    };
    for (const Case& c : cases) {
        INFO(c.status << " " << c.body);
        CHECK(classify(c.status, read_error_body(c.body)).failure == c.expected);
    }
}

TEST_CASE("failure class: only the caller's own faults carry the upstream's words", "[failure]") {
    const auto fault = classify(
        400,
        read_error_body(
            R"({"error":{"message":"Unsupported parameter: 'x'","type":"invalid_request_error","param":"x","code":"unsupported_parameter"}})"));
    CHECK(fault.message == "Unsupported parameter: 'x'");
    CHECK(fault.type == "invalid_request_error");
    CHECK(fault.param == "x");
    CHECK(fault.code == "unsupported_parameter");
    CHECK(fault.upstream_status == 400);
    CHECK(fault.detail == "status 400, type invalid_request_error, code unsupported_parameter");

    const auto ours = classify(
        401,
        read_error_body(
            R"({"error":{"message":"Incorrect API key provided: sk-1234","code":"invalid_api_key"}})"));
    CHECK(ours.message.empty());
    CHECK(ours.code.empty());
    CHECK(ours.detail.find("sk-") == std::string::npos);

    const auto flat = classify(422, read_error_body(R"({"detail":"no such field"})"));
    CHECK(flat.message == "no such field");
    CHECK(flat.type == "invalid_request_error");
    CHECK_FALSE(classify(400, read_error_body("<html>")).message.empty());
    CHECK(classify(400, read_error_body(R"({"error":{"code":"a\nb\u0000c d"}})")).detail ==
          "status 400, code a?b?c?d");
    CHECK(classify(200, read_error_body(R"({"error":{"code":"context_length_exceeded"}})"))
              .upstream_status == 400);
}

TEST_CASE("error body: integer codes are statuses, long texts are cut at a character",
          "[failure]") {
    const auto body = read_error_body(R"({"error":{"message":"m","code":503}})");
    CHECK(body.code.empty());
    CHECK(body.status == 503);
    std::string text;
    while (text.size() < 5000) text += "ü";
    const auto cut = read_error_body("{\"message\":\"a" + text + "\"}");
    CHECK(cut.message.size() <= 4096);
    CHECK(cut.message.size() % 2 == 1);
    CHECK(read_error_body("\xff\xfe").message.empty());
    CHECK(read_error_body(std::string(5000, '[')).message.empty());
    CHECK(read_error_body("[]").message.empty());
}

TEST_CASE("retry-after: seconds, milliseconds, dates, nonsense", "[failure]") {
    using std::chrono::milliseconds;
    CHECK(parse_retry_after("", "1", 0) == milliseconds(1000));
    CHECK(parse_retry_after("84.5", "1", 0) == milliseconds(84));
    CHECK(parse_retry_after("", "0.25", 0) == milliseconds(250));
    CHECK(parse_retry_after("", "Sun, 06 Nov 1994 08:49:37 GMT", 784111770) == milliseconds(7000));
    CHECK(parse_retry_after("", "Sun, 06 Nov 1994 08:49:37 GMT", 784111999) == milliseconds(0));
    CHECK(parse_retry_after("", "1e300", 0) == milliseconds(86'400'000));
    for (const char* bad : {"", "soon", "-1", "nan", "1;2"})
        CHECK_FALSE(parse_retry_after("", bad, 0));
    CHECK(parse_retry_after("x", "2", 0) == milliseconds(2000));
}
