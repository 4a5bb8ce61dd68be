#pragma once
// Writes an answer that came in another dialect as Chat Completions: openai-wire 1.4 and 3.1.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/upstream/answer_reader.h"

namespace gateway {

// One delta of the answer.
struct AnswerPiece {
    std::string members;                              // of the delta, as JSON
    int64_t n_text_bytes = 0, n_reasoning_bytes = 0;  // in it
    std::string logprobs = "null";                    // JSON
};

// Of one answer; confined to its io thread.
class AnswerWriter {
public:
    // The client asked for usage in its stream.
    explicit AnswerWriter(bool include_usage) : include_usage_(include_usage) {}

    // What every chunk repeats.
    std::string id, model, tier;  // tier: empty where none is told
    int64_t created = 0;          // seconds since 1970
    bool tells_reasoning = true;  // the upstream counts it apart

    bool has_begun() const { return has_begun_; }
    // Says the role, once. `begins_with_call`: no content will follow it at once.
    void begin(EventLook& look, bool begins_with_call = false);
    // Adds a piece to what the event came to, the role before the first.
    void add(AnswerPiece piece, EventLook& look);
    // The last chunk, and usage behind it where it is wanted and stated.
    void end(const std::string& finish_reason, const std::optional<Usage>& usage, EventLook& look);
    // An unstreamed completion around its one choice.
    std::string whole(std::string_view choice, const std::optional<Usage>& usage) const;

private:
    std::string head(std::string_view object) const;
    std::string chunk(std::string_view delta, std::string_view logprobs,
                      std::string_view finish) const;

    const bool include_usage_;
    bool has_begun_ = false;
};

// The members of an entry of tool_calls, braces aside.
std::string call_head(std::string_view id, std::string_view name, std::string_view arguments);

}  // namespace gateway
