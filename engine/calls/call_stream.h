#pragma once
// From the text and the DSML tokens of one block to calls as a client sees them: id and name once
// the name is whole, then the arguments as JSON text, piece by piece.
//
// What CallMachine does not accept breaks the block off: calls that are whole stay, the one under
// way never ends, and nothing more comes out. A decoder that samples by the mask never writes such
// a thing.
#include <string>
#include <string_view>
#include <vector>

#include "engine/calls/call_grammar.h"
#include "engine/tokenizer/utf8.h"

namespace engine {

class CallStream {
public:
    CallStream(std::shared_ptr<const CallGrammar> grammar, CallMachine::At at)
        : machine_(std::move(grammar), at) {}

    // Appends to `out` what is certain by now: text values as they come, others once they are
    // whole, all of it whole characters.
    void push_text(std::string_view bytes, std::vector<ToolCallDelta>& out);
    void push_dsml(std::vector<ToolCallDelta>& out);

    const CallMachine& machine() const { return machine_; }
    bool done() const { return !broken_ && machine_.done(); }
    bool broken() const { return broken_; }
    const std::vector<ToolCall>& calls() const { return calls_; }  // the whole ones
    bool has_open_call() const { return open_.has_value(); }

private:
    void push_byte(char byte, std::vector<ToolCallDelta>& out);
    void begin_call(std::vector<ToolCallDelta>& out);
    void begin_value(std::vector<ToolCallDelta>& out);
    void end_value(CallMachine::At from, std::vector<ToolCallDelta>& out);
    void end_call(std::vector<ToolCallDelta>& out);
    void put(std::string_view arguments, std::vector<ToolCallDelta>& out);
    void put_text(std::string_view bytes, std::vector<ToolCallDelta>& out);

    CallMachine machine_;
    bool broken_ = false;
    std::vector<ToolCall> calls_;
    std::optional<ToolCall> open_;  // begun, not whole
    std::string key_;               // of the parameter under way
    std::string json_;              // its value, if it is not a text
    Utf8Stream characters_;         // its value, if it is
};

}  // namespace engine
