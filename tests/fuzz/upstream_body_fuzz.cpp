// Any request that is accepted, in each dialect of upstreams: a JSON object, or words for the
// client that say why there is none. Reasoning is kept for the call "a".
#include <simdjson.h>

#include <cstdint>
#include <string>

#include "config/ensure.h"
#include "gateway/upstream/messages_body.h"
#include "gateway/upstream/responses_body.h"
#include "gateway/upstream/upstream_body.h"

namespace {

void check(const tl::expected<std::string, gateway::Failure>& body) {
    if (!body) {
        ENSURE(gateway::is_callers(body.error().failure) && body.error().upstream_status == 400);
        ENSURE(!body.error().message.empty() && !body.error().param.empty());
        return;
    }
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    ENSURE(!parser.parse(*body).get(root));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    auto request = gateway::parse_chat_request(
        std::string(reinterpret_cast<const char*>(data), size), config::Limits());
    if (!request) return 0;
    const std::string calls[] = {"a"};
    gateway::ReasoningStore store(1 << 20);
    config::Upstream upstream;
    config::Endpoint endpoint;
    endpoint.name = endpoint.model = "m";
    endpoint.thinking.spelling = config::ThinkingSpelling::adaptive;
    gateway::UpstreamCall call;
    call.upstream = &upstream;
    call.endpoint = &endpoint;
    call.request = &*request;
    call.n_output_tokens_max = 5;
    call.thinking.tier = config::Effort::high;
    store.keep(0, "", calls, "plain");
    call.thinking.refills = true;
    check(gateway::upstream_body(call, store));
    store.keep(
        0, "m", calls,
        R"([{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"a"}])");
    // What is missing in a dialect is planned elsewhere.
    if (request->needs_functions) return 0;
    if (request->chat_only.empty()) check(gateway::responses_body(call, store));
    if (request->no_messages.empty() && !request->needs_custom_tools)
        check(gateway::messages_body(call, store));
    return 0;
}
