#pragma once
// The form of a block of tool calls, and where an answer stands in it. The same machine reads what
// a model wrote and says what it may write next, so that nothing can be written that is not read.
//
//     <D tool_calls>        D: the DSML token, a token of its own between pieces of text; no blank
//     <D invoke name="TOOL">                                     follows it
//     <D parameter name="KEY" string="true">any text</D parameter>
//     <D parameter name="KEY" string="false">JSON</D parameter>
//     </D invoke>
//     </D tool_calls>
//
// byte for byte as the encoding prints it: one line end between tags, none elsewhere, an empty line
// in a call without parameters. Tools and keys are those of the request, a key stands in a call
// once, and a value is of a kind that its schema names. Calls of a strict tool hold its schema: a
// value fits, and no key is missing that is required.
#include <memory>

#include "engine/calls/tool_rules.h"
#include "engine/schema/json_machine.h"
#include "engine/schema/schema_machine.h"

namespace engine {

// Constant after construction; any thread.
class CallGrammar {
public:
    // Errors: those of read_tool_rules(); prompt_invalid, if a call is required and no tool is
    // left.
    static Result<std::shared_ptr<const CallGrammar>> make(std::string_view tools,
                                                           const ToolChoice& choice);

    const std::vector<ToolRule>& tools() const { return tools_; }
    bool may_call() const { return !tools_.empty(); }
    bool must_call() const { return must_call_; }
    bool may_call_more(int n_calls) const { return n_calls_max_ == 0 || n_calls < n_calls_max_; }

private:
    std::vector<ToolRule> tools_;
    bool must_call_ = false;
    int n_calls_max_ = 0;
};

class CallMachine {
public:
    enum class At : uint8_t {
        lead,  // the line ends and the < in front of a block
        lead_end,
        wrapper,  // behind the first DSML token
        wrapper_end,
        invoke,
        tool_name,
        head,
        body,  // a parameter, or the line end of a call that has none
        empty_call,
        parameter_open,
        parameter,
        key,
        kind,
        kind_word,
        kind_true,
        kind_false,
        text,
        json,
        json_close,
        json_end,
        parameter_close,
        next_parameter,  // another, or the end of the call
        call_close,
        invoke_close,
        next_call,  // another, or the end of the block
        calls_close,
        wrapper_close,
        done,
    };
    static constexpr size_t kAnyKey = SIZE_MAX;

    // Between two DSML tokens. Copied by whoever looks ahead.
    struct Place {
        At at = At::wrapper;
        uint32_t n = 0;      // bytes of the tag or the name; of a text, of the </ at its end
        uint32_t begin = 0;  // names that go on like that, half open
        uint32_t end = 0;
        size_t tool = 0;      // in tools(), from `head` on
        size_t key = 0;       // in the tool's parameters, from `kind` on; kAnyKey: of another name
        Names texts{};        // of a text that must be listed
        JsonMachine json;     // of a tool that is not strict
        SchemaMachine value;  // of one that is
    };

    // Behind the first DSML token of a block, or before the block's lead.
    CallMachine(std::shared_ptr<const CallGrammar> grammar, At at);

    // False: no block goes on like that. Place and machine are of no use afterwards.
    bool advance(Place& place, uint8_t byte) const;
    // Inside the quotes of JSON, or of a key that may be any.
    JsonText text(const Place& place) const;
    // Inside a text that must be one of a list.
    bool in_listed_text() const;
    bool push(uint8_t byte) { return advance(place_, byte); }
    bool takes_dsml() const;
    bool push_dsml();

    const Place& place() const { return place_; }
    bool done() const { return place_.at == At::done; }
    const ToolRule& tool() const { return grammar_->tools()[place_.tool]; }

private:
    bool advance_tool_name(Place& place, uint8_t byte) const;
    bool advance_key(Place& place, uint8_t byte) const;
    bool advance_text(Place& place, uint8_t byte) const;
    bool advance_json(Place& place, uint8_t byte) const;
    const std::vector<std::string>& texts(const Place& place) const;
    bool may_have_more(const Place& place) const;
    bool may_close(const Place& place) const;
    static bool go(Place& place, At at);

    std::shared_ptr<const CallGrammar> grammar_;
    Place place_;
    std::vector<bool> written_;  // of the tool's parameters, in the call under way
    int n_calls_ = 0;            // begun
};

}  // namespace engine
