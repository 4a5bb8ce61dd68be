#pragma once
// Cuts text into the pieces that BPE merges within, by the Split expressions of tokenizer.json:
// each expression cuts the pieces of the one before, and a piece ends for it as the text would.
// The tables are PCRE2's. 10.42 knows Unicode 14; what was assigned later splits as unassigned.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace engine {

// Constant after compile(); any thread.
class Pretokenizer {
public:
    // Errors: file_broken for what does not compile.
    static Result<Pretokenizer> compile(const std::vector<std::string>& splits);
    Pretokenizer(Pretokenizer&&) noexcept;
    Pretokenizer& operator=(Pretokenizer&&) noexcept;
    ~Pretokenizer();

    // Calls `piece` for every piece of `text` in order, until it returns false. Together they are
    // `text`, which must be UTF-8. Errors: prompt_invalid, if an expression needs more than
    // kMatchSteps for one match: a file may hold one that backtracks without end.
    Result<void> split(std::string_view text,
                       const std::function<bool(std::string_view)>& piece) const;

private:
    struct Expressions;
    explicit Pretokenizer(std::unique_ptr<Expressions> expressions);
    std::unique_ptr<Expressions> expressions_;
};

}  // namespace engine
