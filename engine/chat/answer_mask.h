#pragma once
// Which tokens an answer may go on with, so that what it says can always be read: text until EOS,
// or what fits its format, and where tools may be called, calls of the right form. Markup in any
// other place never comes up.
#include <span>
#include <vector>

#include "engine/calls/vocabulary.h"
#include "engine/chat/answer_stream.h"

namespace engine {

// Borrows the tokenizer. Keeps a mask for each part of an answer and changes single rows of it; in
// a block's tags it finds the few tokens that may come. Confined to the scheduler thread.
class AnswerMask {
public:
    AnswerMask(const Tokenizer& tokenizer, const ControlIds& controls, int64_t n_vocab);

    // By row of the logits, for an answer that has not ended. One row at least may be sampled.
    // Valid until the next call.
    std::span<const TokenUse> next(const AnswerStream& answer);

private:
    using Mask = std::vector<TokenUse>;
    // Where tools are given, the name of the DSML token is not spelled behind < and </ either.
    struct Masks {
        Mask plain;
        Mask behind_less;
    };
    Masks masks_of(Mask plain) const;
    std::span<const TokenUse> text(Masks& masks, const AnswerStream& answer);
    std::span<const TokenUse> calls(const CallMachine& machine);
    // What a machine goes on with, and of controls; in_text: what any text inside quotes may.
    template <class Machine>
    std::span<const TokenUse> found(const Machine& machine, Mask& in_text, TokenUse dsml,
                                    TokenUse eos);
    void set(Mask& mask, Control control, TokenUse use) const;

    const Tokenizer& tokenizer_;
    const ControlIds controls_;
    const Vocabulary vocabulary_;
    Masks thinking_, content_, value_;  // value: of a parameter that is a text
    Mask json_string_;                  // what any JSON string may go on with, and found_
    Mask key_;                          // the same of a key that may be any
    Mask tags_;                         // found_ alone
    Mask think_end_;
    std::vector<int32_t> found_;  // rows that one of the three has besides
    Mask* changed_ = nullptr;     // which of the three
};

}  // namespace engine
