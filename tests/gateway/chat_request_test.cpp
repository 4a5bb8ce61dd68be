// The rows of openai-wire 6.1 and 6.2 that judge a body, each under its id.
#include "gateway/api/chat_request.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace gateway;
using nlohmann::json;

namespace {

struct Row {
    const char* id;
    const char* merge;  // into B; a whole body when it begins with '!'
    const char* code;   // "-": null; "": the request is accepted
    const char* param;
    const char* text;  // stands in the message
};

json base() {
    return json::parse(R"({"model":"chat","messages":[{"role":"user","content":"Hi"}]})");
}

std::string body_of(const Row& row) {
    if (row.merge[0] == '!') return row.merge + 1;
    json body = base();
    body.update(json::parse(row.merge));
    return body.dump();
}

std::string told(const std::optional<std::string>& text) {
    return text.value_or("-");
}

void check_row(const Row& row) {
    INFO(row.id << ": " << row.merge);
    const auto request = parse_chat_request(body_of(row), config::Limits());
    if (row.code[0] == '\0') {
        if (!request) FAIL(request.error().message);
        return;
    }
    REQUIRE_FALSE(request);
    INFO(request.error().message);
    CHECK(request.error().status == 400);
    CHECK(request.error().type == "invalid_request_error");
    CHECK(told(request.error().code) == row.code);
    CHECK(told(request.error().param) == row.param);
    CHECK(request.error().message.find(row.text) != std::string::npos);
}

const Row kRows[] = {
    {"C04", "!{}", "-", "-", "you must provide a model parameter"},
    {"C05 empty", R"({"model":""})", "-", "-", "you must provide a model parameter"},
    {"C05 null", R"({"model":null})", "-", "-", "you must provide a model parameter"},
    {"model 7", R"({"model":7})", "invalid_type", "model",
     "expected a string, but got an integer instead."},
    {"C07", R"(!{"model":"chat"})", "missing_required_parameter", "messages",
     "Missing required parameter: 'messages'."},
    {"C08", R"({"messages":[]})", "empty_array", "messages",
     "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty "
     "array instead."},
    {"C09", R"({"messages":"Hi"})", "invalid_type", "messages",
     "Invalid type for 'messages': expected an array of objects, but got a string instead."},
    {"C10", R"({"messages":[7]})", "invalid_type", "messages[0]",
     "expected an object, but got an integer"},
    {"C11", R"({"messages":[{"role":"user","content":7}]})", "invalid_type", "messages[0].content",
     "expected one of a string or array of objects, but got an integer instead."},
    {"C12", R"({"messages":[{"content":"x"}]})", "missing_required_parameter", "messages[0].role",
     "Missing required parameter: 'messages[0].role'."},
    {"C13", R"({"messages":[{"role":"bogus","content":"x"}]})", "invalid_value", "messages[0].role",
     "Invalid value: 'bogus'. Supported values are: 'system', 'assistant', 'user', 'function', "
     "'tool', and "
     "'developer'."},
    {"C14 null", R"({"messages":[{"role":"user","content":null}]})", "", "", ""},
    {"C14 absent", R"({"messages":[{"role":"user"}]})", "", "", ""},
    {"C15", R"({"zzz":1})", "unknown_parameter", "zzz", "Unknown parameter: 'zzz'."},
    {"case variant", R"({"Model":"other"})", "unknown_parameter", "Model",
     "Unknown parameter: 'Model'."},
    {"unknown at depth", R"({"messages":[{"role":"user","content":"x","Role":"system"}]})",
     "unknown_parameter", "messages[0].Role", "Unknown parameter"},
    {"C16", R"({"stream":true,"stream_options":{"bogus":1}})", "unknown_parameter",
     "stream_options.bogus", "Unknown parameter: 'stream_options.bogus'."},
    {"stream_options alone", R"({"stream_options":{"include_usage":true}})", "-", "stream_options",
     "The 'stream_options' parameter is only allowed when 'stream' is enabled."},
    {"C17", R"({"top_k":20,"min_p":0.1})", "", "", ""},
    {"C18", R"({"temperature":2.1})", "decimal_above_max_value", "temperature",
     "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.1 "
     "instead."},
    {"C19", R"({"temperature":-0.1})", "decimal_below_min_value", "temperature",
     "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -0.1 "
     "instead."},
    {"C20", R"({"temperature":"1"})", "invalid_type", "temperature",
     "expected a decimal, but got a string instead."},
    {"C21", R"({"top_p":1.01})", "decimal_above_max_value", "top_p", "<= 1, but got 1.01 instead."},
    {"C22 n 0", R"({"n":0})", "integer_below_min_value", "n",
     "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead."},
    {"C22 n 129", R"({"n":129})", "integer_above_max_value", "n",
     "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead."},
    {"C23", R"({"n":1.5})", "invalid_type", "n",
     "expected an integer, but got a decimal number instead."},
    {"n 1.0", R"({"n":1.0})", "invalid_type", "n",
     "expected an integer, but got a decimal number instead."},
    {"n -0", R"(!{"model":"chat","messages":[{"role":"user"}],"n":-0})", "invalid_type", "n",
     "an integer"},
    {"n beyond int64", R"({"n":18446744073709551615})", "invalid_type", "n", "an integer"},
    {"C24", R"({"n":null})", "", "", ""},
    {"C25", R"({"top_logprobs":3})", "-", "top_logprobs",
     "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."},
    {"C26", R"({"logprobs":true,"top_logprobs":21})", "-", "top_logprobs",
     "must be less than or equal to 20."},
    {"C27", R"({"logprobs":"yes"})", "invalid_type", "logprobs",
     "expected a boolean, but got a string instead."},
    {"C28", R"({"presence_penalty":2.5})", "decimal_above_max_value", "presence_penalty", "<= 2"},
    {"frequency_penalty", R"({"frequency_penalty":-2.5})", "decimal_below_min_value",
     "frequency_penalty", ">= -2"},
    {"C29", R"({"stop":7})", "invalid_type", "stop", "one of a string or array of strings"},
    {"C30", R"({"stop":["a","b","c","d","e"]})", "array_above_max_length", "stop",
     "maximum length 4"},
    {"C31 empty", R"({"stop":""})", "", "", ""},
    {"C31 list", R"({"stop":[]})", "", "", ""},
    {"C31 null", R"({"stop":null})", "", "", ""},
    {"stop item", R"({"stop":["a",7]})", "invalid_type", "stop[1]", "expected a string"},
    {"C32", R"({"stream":"true"})", "invalid_type", "stream",
     "expected a boolean, but got a string instead."},
    {"C35", R"({"metadata":{"k":5}})", "invalid_type", "metadata.k",
     "expected a string, but got an integer"},
    {"C36", R"({"service_tier":"gold"})", "invalid_value", "service_tier",
     "Invalid value: 'gold'."},
    {"C37", R"({"reasoning_effort":"huge"})", "invalid_value", "reasoning_effort",
     "Invalid value: 'huge'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', "
     "'xhigh', and 'max'."},
    {"C39", R"({"verbosity":"loud"})", "invalid_value", "verbosity",
     "'low', 'medium', and 'high'."},
    {"C40", R"({"response_format":{}})", "missing_required_parameter", "response_format.type",
     "Missing required parameter: 'response_format.type'."},
    {"C41", R"({"response_format":{"type":"xml"}})", "invalid_value", "response_format.type",
     "'xml'"},
    {"C42 schema", R"({"response_format":{"type":"json_schema"}})", "missing_required_parameter",
     "response_format.json_schema", ""},
    {"C42 name", R"({"response_format":{"type":"json_schema","json_schema":{}}})",
     "missing_required_parameter", "response_format.json_schema.name", ""},
    {"C43", R"({"response_format":{"type":"json_object"}})", "-", "messages",
     "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
     "'json_object'."},
    {"C44",
     R"({"response_format":{"type":"json_object"},"messages":[{"role":"system","content":"Speak JSON"}]})",
     "", "", ""},
    {"C45",
     R"({"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{}}}}})",
     "-", "response_format",
     "Invalid schema for response_format 'x': In context=(), 'additionalProperties' is required to "
     "be supplied and "
     "to be false."},
    {"C45 below",
     R"({"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":"object"}}}}}})",
     "-", "response_format", "In context=('properties', 'a'), 'additionalProperties'"},
    {"C46", R"({"max_tokens":5,"max_completion_tokens":6})", "invalid_value", "max_tokens",
     "differ"},
    {"both equal", R"({"max_tokens":5,"max_completion_tokens":5})", "", "", ""},
    {"C47", R"({"max_completion_tokens":0})", "integer_below_min_value", "max_completion_tokens",
     ">= 1"},
    {"C50", R"(!{"model":)", "-", "-", "We could not parse the JSON body of your request."},
    {"C51 empty", "!", "-", "-", "at byte 0"},
    {"C51 array", "![]", "invalid_type", "-", "an array"},
    {"C51 string", R"(!"x")", "invalid_type", "-", "a string"},
    {"C51 null", "!null", "invalid_type", "-", "null"},
    {"C52 two", "!{}{}", "-", "-", "at byte 2"},
    {"C52 comma", R"(!{"a":1,})", "-", "-", "at byte 7"},
    {"C52 comment", "!{/*x*/}", "-", "-", "at byte 1"},
    {"C52 NaN", R"(!{"n":NaN})", "-", "-", "at byte 5"},
    {"C53 BOM", "!\xEF\xBB\xBF{}", "-", "-", "at byte 0"},
    {"C56", R"({"messages":[{"role":"developer","content":"x"}]})", "", "", ""},
    {"C57",
     R"({"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]})",
     "", "", ""},
    {"C58", R"({"messages":[{"role":"user","content":[{"type":"video"}]}]})", "invalid_value",
     "messages[0].content[0].type", "'video'"},
    {"C60",
     R"({"messages":[{"role":"user"},{"role":"assistant","content":"Hi!","refusal":null,"annotations":[],"audio":null,"function_call":null,"tool_calls":[]}]})",
     "", "", ""},
    {"what helpers of SDKs add",
     R"({"messages":[{"role":"user"},{"role":"assistant","content":null,"parsed":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}","parsed_arguments":{}}}]},{"role":"tool","tool_call_id":"a","content":"x"}]})",
     "", "", ""},
    {"parsed by a user", R"({"messages":[{"role":"user","content":"x","parsed":7}]})",
     "unknown_parameter", "messages[0].parsed", ""},
    {"C61",
     R"({"messages":[{"role":"user"},{"role":"assistant","content":"x","reasoning_content":"y"}]})",
     "", "", ""},
    {"C62 model", R"({"model":null,"zzz":1})", "-", "-", "you must provide a model parameter"},
    {"C62 messages", R"({"messages":null,"zzz":1})", "missing_required_parameter", "messages", ""},
    {"C62 zzz", R"({"temperature":9,"zzz":1})", "unknown_parameter", "zzz", ""},
    {"C63", R"({"user":null,"seed":null,"stop":null,"tools":null})", "", "", ""},
    {"C65 lone surrogate", R"(!{"model":"\ud800","messages":[]})", "-", "-", "at byte 10"},
    {"C65 lone low", R"(!{"model":"\udc00","messages":[]})", "-", "-", "at byte 10"},
    {"L11 key", R"({"logit_bias":{"x":1}})", "-", "logit_bias", "logit_bias"},
    {"L11 value", R"({"logit_bias":{"5":101}})", "decimal_above_max_value", "logit_bias.5",
     "<= 100"},
    {"duplicate", R"(!{"model":"a","model":"b"})", "duplicate_parameter", "model",
     "more than once"},
    {"duplicate escaped", R"(!{"model":"a","\u006dodel":"b"})", "duplicate_parameter", "model",
     "more than once"},
    {"duplicate at depth", R"(!{"messages":[{"role":"user","role":"system"}]})",
     "duplicate_parameter", "messages[0].role", "more than once"},
    {"bad UTF-8", "!{\"a\":\"\xFF\"}", "-", "-", "at byte 6"},
    {"file part",
     R"({"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]})",
     "unsupported_value", "messages[0].content[0].type", "file"},
    {"web search", R"({"web_search_options":{}})", "unsupported_parameter", "web_search_options",
     ""},
    {"spoken answers", R"({"modalities":["text","audio"]})", "invalid_value", "modalities[1]",
     "'audio'"},
    {"T01 function", R"({"tools":[{"type":"function"}]})", "missing_required_parameter",
     "tools[0].function", ""},
    {"T01 name", R"({"tools":[{"type":"function","function":{}}]})", "missing_required_parameter",
     "tools[0].function.name", ""},
    {"T02", R"({"tool_choice":7})", "invalid_type", "tool_choice",
     "expected one of one of 'none', 'auto', or 'required' or object, but got an integer instead."},
    {"T03", R"({"tool_choice":{"type":"function"}})", "missing_required_parameter",
     "tool_choice.function", ""},
    {"T04",
     R"({"messages":[{"role":"user"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"x"},{"role":"user","content":"y"}]})",
     "-", "messages.[3].role", "did not have response messages: b"},
    {"T05", R"({"messages":[{"role":"tool","tool_call_id":"a","content":"x"}]})", "-",
     "messages.[0].role", "must be a response to a preceeding message with 'tool_calls'."},
    {"T06 and T14",
     R"({"messages":[{"role":"user"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"b","content":"x"},{"role":"tool","tool_call_id":"a","content":"y"}]})",
     "", "", ""},
    {"calls open at the end",
     R"({"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}]})",
     "-", "messages", "did not have response messages: a"},
    {"T17",
     R"({"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}}})",
     "invalid_value", "tool_choice.function.name", "'g'"},
    {"T18 blank", R"({"tools":[{"type":"function","function":{"name":"a b"}}]})", "invalid_value",
     "tools[0].function.name", "pattern"},
    {"T21",
     R"({"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object"}}}]})",
     "invalid_function_parameters", "tools[0].function.parameters",
     "Invalid schema for function 'f': In context=()"},
    {"functions name", R"({"functions":[{}]})", "missing_required_parameter", "functions[0].name",
     ""},
    {"parallel alone", R"({"parallel_tool_calls":true})", "-", "parallel_tool_calls",
     "only allowed when 'tools'"},
    {"moderation", R"({"moderation":{}})", "missing_required_parameter", "moderation.model", ""},
};

}  // namespace

TEST_CASE("chat request: the rows of the conformance tables C, T and L", "[api]") {
    for (const Row& row : kRows) DYNAMIC_SECTION(row.id) {
            check_row(row);
        }
}

TEST_CASE("chat request: C33 and C34, the bounds of metadata", "[api]") {
    json body = base();
    for (int i = 0; i < 17; ++i) body["metadata"]["k" + std::to_string(i)] = "v";
    auto request = parse_chat_request(body.dump(), config::Limits());
    REQUIRE_FALSE(request);
    CHECK(request.error().code == "object_above_max_properties");
    CHECK(request.error().param == "metadata");

    body["metadata"] = {{"k", std::string(513, 'v')}};
    request = parse_chat_request(body.dump(), config::Limits());
    REQUIRE_FALSE(request);
    CHECK(request.error().code == "string_above_max_length");
    CHECK(request.error().param == "metadata.k");

    std::string wide;
    for (int i = 0; i < 512; ++i) wide += "\xF0\x9F\x98\x80";
    body["metadata"] = {{"k", wide}};
    CHECK(parse_chat_request(body.dump(), config::Limits()));

    body["metadata"] = {{std::string(65, 'k'), "v"}};
    request = parse_chat_request(body.dump(), config::Limits());
    REQUIRE_FALSE(request);
    CHECK(request.error().code == "property_name_above_max_length");
    CHECK(request.error().message.find("kkk...kkk") != std::string::npos);
}

TEST_CASE("chat request: T18, a function name of 65 characters", "[api]") {
    json body = base();
    body["tools"] = {{{"type", "function"}, {"function", {{"name", std::string(65, 'f')}}}}};
    const auto request = parse_chat_request(body.dump(), config::Limits());
    REQUIRE_FALSE(request);
    CHECK(request.error().param == "tools[0].function.name");
}

TEST_CASE("chat request: C64, every field at its bounds is taken over", "[api]") {
    json body = base();
    body.update(json::parse(R"({
        "max_completion_tokens":7,"n":128,"temperature":2,"top_p":0,"presence_penalty":-2,"frequency_penalty":2,
        "logprobs":true,"top_logprobs":20,"user":"u","seed":-9223372036854775808,"safety_identifier":"s",
        "prompt_cache_key":"k","prompt_cache_retention":"24h","prompt_cache_options":{"mode":"implicit"},
        "service_tier":"default","max_tokens":7,"reasoning_effort":"ultra","logit_bias":{"5":-100},
        "stop":["a","b","c","d"],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},
        "store":true,"metadata":{"k":"v"},"prediction":{"type":"content","content":"x"},"verbosity":"low",
        "response_format":{"type":"text"},"modalities":["text"],"top_k":40,"min_p":1,
        "tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","parallel_tool_calls":false})"));
    const auto request = parse_chat_request(body.dump(), config::Limits());
    if (!request) FAIL(request.error().message);
    CHECK(request->model == "chat");
    CHECK(request->stream);
    CHECK(request->include_usage);
    CHECK(request->n_output_tokens_max == 7);
    CHECK(request->n_choices == 128);
    CHECK(request->sampling.temperature == 2);
    CHECK(request->sampling.top_p == 0);
    CHECK(request->sampling.top_k == 40);
    CHECK(request->sampling.min_p == 1);
    CHECK(request->sampling.seed == uint64_t{1} << 63);
    CHECK(request->sampling.stop == std::vector<std::string>{"a", "b", "c", "d"});
    CHECK(request->sampling.n_top_logprobs == 20);
    CHECK(request->sampling.logit_bias == std::vector{std::pair{5, -100.0f}});
    CHECK(request->thinking.effort == config::Effort::max);
    CHECK_FALSE(request->needs_custom_tools);
    CHECK(request->needs_penalties);
    CHECK_FALSE(request->needs_images);
}

TEST_CASE("parse: a service tier by each of its words", "[api]") {
    const std::pair<const char*, config::ServiceTier> words[] = {
        {"auto", config::ServiceTier::standard},     {"default", config::ServiceTier::standard},
        {"flex", config::ServiceTier::flex},         {"scale", config::ServiceTier::scale},
        {"priority", config::ServiceTier::priority}, {"fast", config::ServiceTier::priority}};
    for (const auto& [word, tier] : words) {
        const std::string body = R"({"model":"m","messages":[{"role":"user","content":"x"}],)"
                                 R"("service_tier":")" +
                                 std::string(word) + "\"}";
        const auto request = parse_chat_request(body, config::Limits());
        REQUIRE(request);
        CHECK(request->service_tier == tier);
    }
}

TEST_CASE("chat request: what is not said keeps its default", "[api]") {
    const auto request = parse_chat_request(base().dump(), config::Limits());
    REQUIRE(request);
    CHECK_FALSE(request->stream);
    CHECK_FALSE(request->n_output_tokens_max);
    CHECK(request->n_choices == 1);
    CHECK(request->sampling.temperature == 1);
    CHECK(request->sampling.top_p == 1);
    CHECK_FALSE(request->sampling.seed);
    CHECK(request->thinking.kind == routing::ThinkingAsk::Kind::absent);
    CHECK_FALSE(request->needs_custom_tools);
    CHECK_FALSE(request->needs_penalties);
}

TEST_CASE("chat request: C06, an unknown model is told before unknown keys", "[api]") {
    config::Config config;
    config.route_by_model["chat"] = 0;
    json body = base();
    body["model"] = "nope";
    body["zzz"] = 1;
    const auto request = parse_chat_request(body.dump(), config);
    REQUIRE_FALSE(request);
    CHECK(request.error().status == 404);
    CHECK(request.error().code == "model_not_found");
    CHECK_FALSE(request.error().param);
    CHECK(request.error().message ==
          "The model `nope` does not exist or you do not have access to it.");
    CHECK(parse_chat_request(base().dump(), config));
}

TEST_CASE("chat request: members stand where the body has them", "[api]") {
    const std::string body =
        "{ \"model\" : \"chat\"\n, "
        "\"mess\\u0061ges\":[{\"role\":\"user\",\"content\":\"},]\\\"\"}] ,"
        "\"n\": 1\t}";
    const auto request = parse_chat_request(body, config::Limits());
    if (!request) FAIL(request.error().message);
    CHECK(request->body == body);
    REQUIRE(request->members.size() == 3);
    const auto text = [&](const BodyMember& m) {
        return body.substr(m.value_begin, m.value_end - m.value_begin);
    };
    CHECK(request->members[0].key == "model");
    CHECK(text(request->members[0]) == "\"chat\"");
    CHECK(request->members[1].key == "messages");
    CHECK(text(request->members[1]) == "[{\"role\":\"user\",\"content\":\"},]\\\"\"}]");
    CHECK(body.substr(request->members[2].key_begin,
                      request->members[2].value_end - request->members[2].key_begin) == "\"n\": 1");
}
