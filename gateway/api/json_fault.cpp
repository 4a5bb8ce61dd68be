#include "gateway/api/json_fault.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "gateway/api/json_text.h"

namespace gateway {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Scanner {
public:
    Scanner(std::string_view text, size_t depth_max) : text_(text), depth_max_(depth_max) {}

    std::optional<JsonFault> run() {
        skip_blanks();
        if (value(0)) {
            skip_blanks();
            if (at_ < text_.size()) fail(at_, "nothing may follow the value");
        }
        return fault_;
    }

private:
    bool fail(size_t at, std::string_view what) {
        fault_ =
            JsonFault{at, at >= text_.size() ? std::string_view("the text ends too early") : what};
        return false;
    }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void skip_blanks() {
        while (at_ < text_.size() &&
               std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos)
            ++at_;
    }

    bool value(size_t depth) {
        switch (peek()) {
            case '{':
            case '[':
                if (depth == depth_max_) {
                    fail(at_, "the nesting is too deep");
                    fault_->is_depth = true;
                    return false;
                }
                return peek() == '{' ? object(depth + 1) : array(depth + 1);
            case '"':
                return string();
            case 't':
                return literal("true");
            case 'f':
                return literal("false");
            case 'n':
                return literal("null");
        }
        if (peek() == '-' || is_digit(peek())) return number();
        return fail(at_, "a value is expected");
    }

    bool object(size_t depth) {
        ++at_;
        skip_blanks();
        if (take('}')) return true;
        for (;;) {
            if (peek() != '"') return fail(at_, "a name in double quotes is expected");
            if (!string()) return false;
            skip_blanks();
            if (!take(':')) return fail(at_, "a colon is expected");
            skip_blanks();
            if (!value(depth)) return false;
            skip_blanks();
            if (take('}')) return true;
            if (!take(',')) return fail(at_, "a comma or a closing brace is expected");
            skip_blanks();
        }
    }

    bool array(size_t depth) {
        ++at_;
        skip_blanks();
        if (take(']')) return true;
        for (;;) {
            if (!value(depth)) return false;
            skip_blanks();
            if (take(']')) return true;
            if (!take(',')) return fail(at_, "a comma or a closing bracket is expected");
            skip_blanks();
        }
    }

    bool literal(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return fail(at_, "a value is expected");
        at_ += word.size();
        return ends_value();
    }

    bool ends_value() {
        const bool ends =
            at_ >= text_.size() ||
            std::string_view(" \t\n\r,:{}[]\"").find(text_[at_]) != std::string_view::npos;
        return ends || fail(at_, "the value should end here");
    }

    bool string() {
        for (++at_; at_ < text_.size();) {
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                if (!escape()) return false;
                continue;
            }
            if (c < 0x20) return fail(at_, "a control character must be escaped");
            const size_t n = utf8_character(text_.substr(at_));
            if (n == 0) return fail(at_, "the text is not valid UTF-8");
            at_ += n;
        }
        return fail(at_, "");
    }

    bool escape() {
        const size_t begin = at_++;
        if (peek() != 'u') {
            if (at_ >= text_.size() ||
                std::string_view("\"\\/bfnrt").find(text_[at_]) == std::string_view::npos)
                return fail(at_, "no such escape");
            ++at_;
            return true;
        }
        unsigned unit = 0;
        if (!hex_unit(unit)) return false;
        if (unit < 0xD800 || unit > 0xDFFF) return true;
        unsigned low = 0;
        if (unit > 0xDBFF || text_.substr(at_, 2) != "\\u")
            return fail(begin, "half of a surrogate pair stands alone");
        ++at_;
        if (!hex_unit(low)) return false;
        return (low >= 0xDC00 && low <= 0xDFFF) ||
               fail(begin, "half of a surrogate pair stands alone");
    }

    // At the `u`; reads it and four digits.
    bool hex_unit(unsigned& unit) {
        ++at_;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char digit[] = {peek(), '\0'};
            unsigned value = 0;
            if (std::from_chars(digit, digit + 1, value, 16).ptr != digit + 1)
                return fail(at_, "four hexadecimal digits are expected");
            unit = unit * 16 + value;
        }
        return true;
    }

    bool digits() {
        if (!is_digit(peek())) return fail(at_, "a digit is expected");
        while (is_digit(peek())) ++at_;
        return true;
    }

    bool number() {
        const size_t begin = at_;
        take('-');
        if (take('0')) {
            if (is_digit(peek())) return fail(at_, "a number must not begin with 0");
        } else if (!digits()) {
            return false;
        }
        bool whole = true;
        if (take('.')) {
            whole = false;
            if (!digits()) return false;
        }
        if (take('e') || take('E')) {
            whole = false;
            if (!take('-')) take('+');
            if (!digits()) return false;
        }
        if (!ends_value()) return false;
        const std::string token(text_.substr(begin, at_ - begin));
        return (whole ? fits_64_bits(token) : std::isfinite(std::strtod(token.c_str(), nullptr))) ||
               fail(begin, "the number is out of range");
    }

    static bool fits_64_bits(const std::string& token) {
        const char* const end = token.data() + token.size();
        if (token.front() == '-') {
            int64_t value;
            return std::from_chars(token.data(), end, value).ec == std::errc();
        }
        uint64_t value;
        return std::from_chars(token.data(), end, value).ec == std::errc();
    }

    const std::string_view text_;
    const size_t depth_max_;
    size_t at_ = 0;
    std::optional<JsonFault> fault_;
};

}  // namespace

std::optional<JsonFault> find_json_fault(std::string_view text, size_t depth_max) {
    return Scanner(text, depth_max).run();
}

}  // namespace gateway
