#pragma once
// A chat completion request, read once and checked. Nothing further in knows JSON rules or field
// names. The body is kept as it came: upstreams get its bytes with single members replaced
// (body_edit.h).
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.h"
#include "engine/engine.h"
#include "gateway/api/api_error.h"
#include "routing/router.h"

namespace gateway {

// A top-level member of the body. Offsets into ChatRequest::body: [key_begin, value_end) is `"key":
// value` without the comma around it.
struct BodyMember {
    std::string key;  // unescaped
    size_t key_begin = 0, value_begin = 0, value_end = 0;
};

struct ChatRequest {
    std::string body;  // one JSON object, valid UTF-8, no duplicate members at any depth
    std::vector<BodyMember> members;

    std::string model;
    bool stream = false;
    bool include_usage = false;                  // stream_options.include_usage
    bool include_obfuscation = false;            // stream_options.include_obfuscation
    std::optional<int64_t> n_output_tokens_max;  // max_completion_tokens, else max_tokens
    int n_choices = 1;
    engine::Sampling sampling;
    routing::ThinkingAsk thinking;
    routing::Replayed replayed = routing::Replayed::whole;
    config::ParamSet params;          // those it sets that a thinking model may not bear
    bool needs_custom_tools = false;  // or functions
    bool needs_functions = false;     // the forerunners of tools
    bool needs_images = false, needs_penalties = false;
    bool has_tools = false;          // functions among them
    bool needs_json_schema = false;  // as response format
    std::string chat_only;           // the first member without a counterpart in the Responses API
    std::string no_messages;         // ... in Anthropic's Messages API
    config::ServiceTier service_tier = config::ServiceTier::standard;

    // An upper bound of prompt tokens for any remote byte-level BPE model: never below the truth.
    int64_t n_prompt_tokens_bound = 0;
    // A likely count (about four bytes a token): for context fit of remote endpoints and rate
    // limits.
    int64_t n_prompt_tokens_estimate = 0;
};

// Whether a model of this name may be asked. Empty: that is left to others.
using ModelTest = std::function<bool(std::string_view)>;

// Keeps its buffers from request to request: one for each thread that parses.
class ChatRequestParser {
public:
    ChatRequestParser();
    ~ChatRequestParser();
    // Checks everything in the order of openai-wire 1.2. `body` is taken over.
    tl::expected<ChatRequest, ApiError> parse(std::string body, const config::Limits& limits,
                                              const ModelTest& model_exists);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// The same with the calling thread's parser. With limits alone the model's existence is not
// checked.
tl::expected<ChatRequest, ApiError> parse_chat_request(std::string body,
                                                       const config::Limits& limits);
tl::expected<ChatRequest, ApiError> parse_chat_request(std::string body,
                                                       const config::Config& config);

// The conversation as the engine's encoder takes it: parts flattened, developer renamed to system,
// tools and response format as they stand. Errors (400): what the local encoding cannot render.
tl::expected<engine::Conversation, ApiError> engine_conversation(const ChatRequest& request);

}  // namespace gateway
