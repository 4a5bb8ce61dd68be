#include "engine/tokenizer/pretokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>
#include <optional>

namespace engine {
namespace {

constexpr uint32_t kMatchSteps = 50'000'000;
constexpr uint32_t kHeapKib = 64 << 10;
constexpr size_t kExpressionBytesMax = size_t{16} << 10;

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;

// The expressions are written for Oniguruma, whose \s is Unicode's White_Space. With UCP, PCRE2's
// \s is nearly that, but takes U+180E too.
std::string with_unicode_blanks(std::string_view expression) {
    std::string out;
    for (size_t i = 0; i < expression.size(); ++i) {
        if (expression[i] != '\\' || i + 1 == expression.size()) {
            out += expression[i];
            continue;
        }
        const char escaped = expression[++i];
        if (escaped == 's') {
            out += "\\p{White_Space}";
        } else if (escaped == 'S') {
            out += "\\P{White_Space}";
        } else {
            out += '\\';
            out += escaped;
        }
    }
    return out;
}

Result<Code> compile_one(const std::string& split, size_t i) {
    const auto refuse = [i](const std::string& why) {
        return tl::unexpected(
            Error{Errc::file_broken, "pre_tokenizer expression " + std::to_string(i) + ": " + why});
    };
    if (split.size() > kExpressionBytesMax) return refuse("longer than 16 KiB");
    const std::string expression = with_unicode_blanks(split);
    int error = 0;
    PCRE2_SIZE at = 0;
    Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                            PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at, nullptr));
    if (!code) {
        PCRE2_UCHAR text[128];
        pcre2_get_error_message(error, text, sizeof text);
        return refuse(reinterpret_cast<const char*>(text));
    }
    // Where no page may be both written and run, this fails and matching interprets: the same
    // answers.
    pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
    return code;
}

}  // namespace

struct Pretokenizer::Expressions {
    std::vector<Code> codes;
    MatchContext limits;
};

namespace {

// One split() call: a match block per expression, since they are at work inside each other.
class Cutter {
public:
    Cutter(const std::vector<Code>& codes, pcre2_match_context* limits,
           const std::function<bool(std::string_view)>& piece)
        : codes_(codes), limits_(limits), piece_(piece) {
        for (size_t i = 0; i < codes.size(); ++i) {
            matches_.emplace_back(pcre2_match_data_create(1, nullptr));
            if (!matches_.back()) throw std::bad_alloc();
        }
    }

    // False: the caller has had enough, or an expression gave up.
    bool cut(std::string_view text, size_t level) {
        if (text.empty()) return true;
        if (level == codes_.size()) return piece_(text);
        size_t done = 0;
        while (done < text.size()) {
            const int n = match(text, done, level);
            if (n == PCRE2_ERROR_NOMATCH) break;
            const PCRE2_SIZE* range = pcre2_get_ovector_pointer(matches_[level].get());
            const size_t begin = range[0];
            const size_t end = range[1];
            if (n < 0 || begin < done || end <= begin) {
                gave_up_ = level;
                return false;
            }
            if (!cut(text.substr(done, begin - done), level + 1)) return false;
            if (!cut(text.substr(begin, end - begin), level + 1)) return false;
            done = end;
        }
        return cut(text.substr(done), level + 1);
    }

    std::optional<size_t> gave_up() const { return gave_up_; }

private:
    int match(std::string_view text, size_t from, size_t level) {
        constexpr uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
        const auto run = [&](uint32_t more) {
            return pcre2_match(codes_[level].get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                               text.size(), from, options | more, matches_[level].get(), limits_);
        };
        const int n = run(0);
        return n == PCRE2_ERROR_JIT_STACKLIMIT ? run(PCRE2_NO_JIT) : n;
    }

    const std::vector<Code>& codes_;
    pcre2_match_context* const limits_;
    const std::function<bool(std::string_view)>& piece_;
    std::vector<MatchData> matches_;
    std::optional<size_t> gave_up_;
};

}  // namespace

Pretokenizer::Pretokenizer(std::unique_ptr<Expressions> expressions)
    : expressions_(std::move(expressions)) {}
Pretokenizer::Pretokenizer(Pretokenizer&&) noexcept = default;
Pretokenizer& Pretokenizer::operator=(Pretokenizer&&) noexcept = default;
Pretokenizer::~Pretokenizer() = default;

Result<Pretokenizer> Pretokenizer::compile(const std::vector<std::string>& splits) {
    auto expressions = std::make_unique<Expressions>();
    for (size_t i = 0; i < splits.size(); ++i) {
        Result<Code> code = compile_one(splits[i], i);
        if (!code) return tl::unexpected(code.error());
        expressions->codes.push_back(std::move(*code));
    }
    expressions->limits.reset(pcre2_match_context_create(nullptr));
    if (!expressions->limits) throw std::bad_alloc();
    pcre2_set_match_limit(expressions->limits.get(), kMatchSteps);
    pcre2_set_heap_limit(expressions->limits.get(), kHeapKib);
    return Pretokenizer(std::move(expressions));
}

Result<void> Pretokenizer::split(std::string_view text,
                                 const std::function<bool(std::string_view)>& piece) const {
    Cutter cutter(expressions_->codes, expressions_->limits.get(), piece);
    cutter.cut(text, 0);
    if (const auto level = cutter.gave_up()) {
        return tl::unexpected(
            Error{Errc::prompt_invalid,
                  "pre_tokenizer expression " + std::to_string(*level) + " gives up on this text"});
    }
    return {};
}

}  // namespace engine
