#pragma once
// Answers in the Chat Completions dialect: chunks and completions from the engine's deltas.
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "gateway/chat/attempt.h"

namespace gateway {

// What stands in every chunk of one answer.
struct AnswerHead {
    std::string id;       // "chatcmpl-..."
    int64_t created = 0;  // seconds
    std::string model;
    std::string fingerprint;
    bool is_flex = false;  // the service tier
};

// What an answer begins with: the content of one that begins with calls is null.
enum class Opening : uint8_t { text, calls };

// Encodes one streamed choice. In order: role_chunk once, delta_chunk any times, finish_chunk once,
// then usage_chunk if wanted. `with_usage`: the client asked for usage, so every other chunk says
// "usage":null.
class ChunkEncoder {
public:
    ChunkEncoder(AnswerHead head, bool with_usage, bool with_logprobs);
    std::string role_chunk(Opening opening = Opening::text) const;
    std::string delta_chunk(const engine::TokenDelta& delta) const;
    std::string finish_chunk(std::string_view finish_reason) const;
    std::string usage_chunk(const Usage& usage) const;

private:
    std::string open_;  // the members before "choices"
    bool with_usage_;
    bool with_logprobs_;
};

// The unstreamed answer. A call in `whole` is all of it in one piece.
std::string completion(const AnswerHead& head, const engine::TokenDelta& whole,
                       std::string_view finish_reason, const Usage& usage, bool with_logprobs);

// The event of a stream that failed after its first byte.
std::string error_event(const struct ApiError& error);

}  // namespace gateway
