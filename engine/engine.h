#pragma once
// The whole seam of the in-process DeepSeek-V4 engine: open a model, ask what a prompt costs,
// submit, cancel, stats. Knows tokens and text; no HTTP, no accounts.
//
// Threads: open() and ~Engine() on one thread; everything else from any thread. One scheduler
// thread owns the batch, all KV and sampling, and calls the sinks.
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.h"

namespace engine {

class CallGrammar;  // engine/calls/call_grammar.h
class JsonSchema;   // engine/schema/json_schema.h

enum class Errc : uint8_t {
    file_missing,        // no such file or folder
    file_broken,         // a file of the checkpoint says something impossible
    unsupported,         // a checkpoint or request feature that this engine does not have
    prompt_invalid,      // messages that the chat encoding cannot render
    schema_unsupported,  // a JSON schema that an answer or a call cannot be held to
    context_exceeded,    // prompt and output limit do not fit n_ctx
    overloaded,          // n_queued_max sequences wait already
    shutting_down,
};
// Whose schema an error speaks of.
struct SchemaPlace {
    std::optional<size_t> tool{};  // in the conversation's tools; absent: the response format
    std::string name{};
};
struct Error {
    Errc code;
    std::string detail;  // one line: what, where, which value
    // Of schema_unsupported, whose detail is fit to be told to the client.
    SchemaPlace schema{};
};
template <class T>
using Result = tl::expected<T, Error>;

enum class Role : uint8_t { system, user, assistant, tool };
struct ToolCall {
    std::string id;
    std::string name;
    std::string arguments;  // a JSON object, or whatever the client says it is
};
struct ChatMessage {
    Role role = Role::user;
    std::string content{};
    std::string reasoning_content{};     // assistant only; what an earlier turn thought
    std::vector<ToolCall> tool_calls{};  // assistant only
    std::string tool_call_id{};          // tool only: the call that this is the result of
};
// Which of a conversation's tools its answer calls.
struct ToolChoice {
    enum class Mode : uint8_t {
        automatic,  // as the model sees fit
        none,       // the model is told of them, and calls none
        required,   // one at least
    } mode = Mode::automatic;
    std::vector<std::string> only{};  // their names; empty: any
    int n_calls_max = 0;              // 0: any number
};
struct Conversation {
    std::vector<ChatMessage> messages{};
    std::string tools{};  // the request's array of function tools, JSON; empty: none
    // As OpenAI spells it, of type json_object or json_schema: said to the model, and what it says
    // behind its reasoning is held to it, unless it calls a tool. Empty: none.
    std::string response_format{};
    ToolChoice tool_choice{};
    // Whose it is: calls of earlier answers to the same owner are said to the model again as it
    // wrote them.
    uint64_t owner = 0;
};

// A rendered and tokenised prompt. Control tokens come from the encoding only, never out of
// anything that a conversation says.
struct Prompt {
    std::vector<int32_t> tokens{};
    bool thinking = false;                       // the answer starts inside a think block
    std::shared_ptr<const CallGrammar> calls{};  // that the answer may hold; null: none
    std::shared_ptr<const JsonSchema> format{};  // that its content fits; null: any text
};

struct Sampling {
    float temperature = 1.0f;  // 0: greedy
    float top_p = 1.0f;
    int top_k = 0;  // 0: off
    float min_p = 0.0f;
    // Added to the logits of these tokens, each named once, before all else; at most 1,024. Ids
    // that the vocabulary does not have are no tokens of it.
    std::vector<std::pair<int32_t, float>> logit_bias{};
    std::optional<uint64_t> seed;  // absent: drawn by the engine
    // At most 16; not searched in reasoning, nor in content that is held to a format, which they
    // would cut.
    std::vector<std::string> stop;
    bool logprobs = false;
    int n_top_logprobs = 0;  // 0..20
    // >= 1: the think block is closed at so many tokens, </think> among them.
    int64_t n_reasoning_max = INT64_MAX;
};

struct TokenLogprob {
    std::string bytes;  // of the token: may be part of a UTF-8 character
    float logprob = 0;
    std::vector<std::pair<std::string, float>> top;  // best first
};

// A piece of one tool call. A call is whole once its pieces end; one that never ends was cut.
struct ToolCallDelta {
    int index = 0;     // of the call in its answer, from 0
    std::string id{};  // with the first piece, like the name
    std::string name{};
    std::string arguments{};  // the next piece of a JSON object
    bool ends = false;
};

// What one decode step brought to one sequence. Text is whole UTF-8 characters.
struct TokenDelta {
    std::string reasoning;
    std::string content;
    std::vector<TokenLogprob> logprobs;  // of content tokens, when asked for
    std::vector<ToolCallDelta> calls{};
};

// tool_calls: the model ended its answer with calls that are whole, one at least.
enum class FinishReason : uint8_t { stop, length, tool_calls, cancelled, failed };

// Exact counts, however it ended. Output counts every sampled token but the end-of-sequence token.
struct TokenUsage {
    int64_t n_prompt = 0;         // prefilled; after an early cancel fewer than the prompt has
    int64_t n_prompt_cached = 0;  // of those, taken from a shared prefix
    int64_t n_output = 0;
    int64_t n_reasoning = 0;  // of n_output
    int n_calls_cut = 0;      // calls that were begun and are not whole
};

// Receives one sequence. Called on the scheduler thread, which must not be held up: hand over and
// return.
class TokenSink {
public:
    virtual ~TokenSink() = default;
    // false: no room for more; the sequence is parked until Engine::resume(). The delta is taken
    // either way.
    virtual bool on_delta(TokenDelta&& delta) = 0;
    // Last call for this sequence, exactly once for each successful submit().
    virtual void on_end(FinishReason reason, const TokenUsage& usage) = 0;
};

// Batch sequences fill what interactive ones leave: they come in after them, and leave the batch,
// what they have computed in hand, while those have no place.
enum class Priority : uint8_t { interactive, batch };

struct Terms {
    int64_t n_output_max = 0;
    uint64_t owner = 0;  // opaque: owners take turns, and see nothing of each other
    Priority priority = Priority::interactive;
};

struct SequenceId {
    uint64_t n = 0;
};

struct Stats {                  // a moment's view
    int n_sequences_live = 0;   // in the batch, or put aside
    int n_sequences_aside = 0;  // of those: out of the batch for others, with their KV
    int n_sequences_waiting = 0;
    int64_t n_kv_tokens = 0;  // positions held by live sequences
    int64_t prefix_cache_bytes = 0;
    int64_t n_prefill_tokens = 0;  // computed; this and the next five since open()
    int64_t n_cached_tokens = 0;   // of prompts, taken from the prefix cache instead
    int64_t n_decode_tokens = 0;
    int64_t n_cancelled_tokens = 0;  // decoded after a cancel() and thrown away
    int64_t n_evictions = 0;         // of batch sequences that gave their KV up for others
    int64_t n_steps = 0;
    double step_seconds_sum = 0;
};

class Engine {
public:
    // Reads and checks the checkpoint, sizes every buffer, starts the scheduler. Errors:
    // file_missing, file_broken, unsupported; `detail` is one line that says what and where.
    static Result<std::unique_ptr<Engine>> open(const config::Engine& config);
    virtual ~Engine() = default;  // cancels what runs, ends the threads

    // Renders by the configured encoding version and tokenises. The last message is not the
    // assistant's. `tier` none renders the non-thinking mode. Errors: prompt_invalid;
    // schema_unsupported; context_exceeded, if the prompt alone is beyond n_ctx.
    virtual Result<Prompt> prepare(const Conversation& conversation, config::Effort tier) const = 0;

    // `sink` must live until its on_end() has returned. Errors: context_exceeded, overloaded,
    // shutting_down; and for what no prepare() and no checked request hold: prompt_invalid,
    // unsupported.
    virtual Result<SequenceId> submit(Prompt prompt, const Sampling& sampling, const Terms& terms,
                                      TokenSink& sink) = 0;
    // Ends the sequence within one step; on_end(cancelled) follows if it had not ended. Unknown
    // ids: nothing.
    virtual void cancel(SequenceId id) = 0;
    // The sink has room again. Harmless if the sequence was not parked.
    virtual void resume(SequenceId id) = 0;

    // How many leading tokens of the prompt this owner's earlier ones have left behind: if it came
    // now, they would not be computed again. May wait some milliseconds for the scheduler.
    virtual int64_t n_resident(const Prompt& prompt, uint64_t owner) const = 0;

    virtual Stats stats() const = 0;
    virtual int64_t n_ctx() const = 0;
    virtual std::string_view fingerprint()
        const = 0;  // names model, dtype and kernel set: for system_fingerprint
};

}  // namespace engine
