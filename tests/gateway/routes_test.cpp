#include "gateway/api/routes.h"

#include <catch2/catch.hpp>

#include "gateway/api/request_id.h"
#include "gateway/server/http_types.h"

using namespace gateway;

namespace {

std::string allow_of(const ApiError& error) {
    for (const auto& [name, value] : error.headers)
        if (name == "allow") return value;
    return "";
}

HttpHead head(std::vector<std::pair<std::string, std::string>> fields) {
    HttpHead out;
    out.fields = std::move(fields);
    return out;
}

}  // namespace

TEST_CASE("routes: the table", "[api]") {
    const std::tuple<const char*, const char*, HandlerId, Role, bool> rows[] = {
        {"POST", "/v1/chat/completions", HandlerId::chat_completions, Role::client, true},
        {"POST", "/chat/completions", HandlerId::chat_completions, Role::client, true},
        {"POST", "/v1/quote", HandlerId::quote, Role::client, true},
        {"POST", "/quote", HandlerId::quote, Role::client, true},
        {"GET", "/v1/usage", HandlerId::usage, Role::client, false},
        {"HEAD", "/usage", HandlerId::usage, Role::client, false},
        {"GET", "/v1/models", HandlerId::models, Role::client, false},
        {"HEAD", "/models", HandlerId::models, Role::client, false},
        {"GET", "/v1/models/org/m:1", HandlerId::model, Role::client, false},
        {"GET", "/healthz", HandlerId::healthz, Role::none, false},
        {"GET", "/health", HandlerId::healthz, Role::none, false},
        {"GET", "/readyz", HandlerId::readyz, Role::none, false},
        {"HEAD", "/ready", HandlerId::readyz, Role::none, false},
        {"HEAD", "/", HandlerId::root, Role::none, false},
    };
    for (const auto& [method, path, handler, role, has_body] : rows) {
        INFO(method << " " << path);
        const auto match = match_route(method, path);
        REQUIRE(match);
        CHECK(match->handler == handler);
        CHECK(match->role == role);
        CHECK(match->has_body == has_body);
    }
    CHECK(match_route("GET", "/v1/models/org/m:1")->model == "org/m:1");
}

TEST_CASE("routes: E22, an unknown path is 404 for every method", "[api]") {
    for (const char* const path : {"/v1/foo", "/v1/chat/completions/x", "/v1/modelsx",
                                   "/v1/models/", "", "/v1/embeddings"}) {
        const auto match = match_route("POST", path);
        REQUIRE_FALSE(match);
        CHECK(match.error().status == 404);
        CHECK(match.error().message == "Invalid URL (POST " + std::string(path) + ")");
        CHECK_FALSE(match.error().code);
    }
    CHECK(match_route("OPTIONS", "/v1/foo").error().status == 404);
    CHECK(match_route("DELETE", "/v1/models/m").error().status == 404);
}

TEST_CASE("routes: E23 and E24, a wrong method is 405 with what is allowed", "[api]") {
    const auto get = match_route("GET", "/v1/chat/completions");
    REQUIRE_FALSE(get);
    CHECK(get.error().status == 405);
    CHECK(get.error().message == "Only POST requests are accepted.");
    CHECK(get.error().code == "method_not_supported");
    CHECK(allow_of(get.error()) == "POST, OPTIONS");
    const auto post = match_route("POST", "/v1/models");
    REQUIRE_FALSE(post);
    CHECK(post.error().status == 405);
    CHECK(post.error().message ==
          "Not allowed to POST on /v1/models. (HINT: Perhaps you meant to use a different HTTP "
          "method?)");
    CHECK_FALSE(post.error().code);
    CHECK(allow_of(post.error()) == "GET, HEAD, OPTIONS");
    CHECK(match_route("OPTIONS", "/v1/models")->allow == "GET, HEAD, OPTIONS");
    CHECK(match_route("OPTIONS", "/v1/chat/completions")->handler == HandlerId::options);
}

TEST_CASE("head: C54 and C55, media types", "[api]") {
    for (const char* const type : {"", "application/json", "application/json; charset=utf-8",
                                   "Application/JSON", " application/json ;x"})
        CHECK_FALSE(check_content_type(type));
    const auto error = check_content_type("multipart/form-data");
    REQUIRE(error);
    CHECK(error->status == 400);
    CHECK(error->code == "unsupported_content_type");
    CHECK(error->message.starts_with(
        "Unsupported content type: 'multipart/form-data'. This API method only accepts"));
    CHECK(check_content_type("application/jsonx"));
    CHECK_FALSE(is_compressed("").value());
    CHECK_FALSE(is_compressed("identity").value());
    CHECK(is_compressed("gzip").value());
    CHECK(is_compressed("Deflate").value());
    for (const char* unknown : {"br", "zstd", "gzip, gzip", "gzip,"})
        CHECK(is_compressed(unknown).error().status == 415);
}

TEST_CASE("head: H05 and H06, exactly one key from exactly one header", "[api]") {
    CHECK(extract_credential(head({{"authorization", "Bearer K"}})).value() == "K");
    CHECK(extract_credential(head({{"authorization", "bearer \t K  "}})).value() == "K");
    CHECK(extract_credential(head({{"x-api-key", "K"}})).value() == "K");
    CHECK(extract_credential(head({{"host", "h"}, {"api-key", " K "}})).value() == "K");
    const std::pair<HttpHead, int> refused[] = {
        {head({}), 401},
        {head({{"authorization", "Basic Szo="}}), 401},
        {head({{"authorization", "Bearer"}}), 401},
        {head({{"authorization", "BearerK"}}), 401},
        {head({{"authorization", "Bearer two words"}}), 401},
        {head({{"authorization", "Bearer " + std::string(513, 'k')}}), 401},
        {head({{"authorization", "Bearer K"}, {"authorization", "Bearer K"}}), 400},
        {head({{"authorization", "Bearer K"}, {"x-api-key", "K"}}), 400},
    };
    for (const auto& [given, status] : refused) {
        const auto key = extract_credential(given);
        REQUIRE_FALSE(key);
        CHECK(key.error().status == status);
    }
}

TEST_CASE("ids: have their form and differ", "[api]") {
    const std::string request = new_request_id(), answer = new_completion_id();
    CHECK(request.size() == 36);
    CHECK(request.starts_with("req_"));
    CHECK(request.find_first_not_of("0123456789abcdef", 4) == request.npos);
    CHECK(answer.size() == 38);
    CHECK(answer.starts_with("chatcmpl-"));
    CHECK(new_request_id() != request);
    CHECK(new_completion_id() != answer);
}
