#pragma once
// Reads a JSON text from front to back and can say it again as Python's json does with ensure_ascii
// off, which is how the official encoder prints schemas and arguments. As lenient as Python's
// reader: NaN, Infinity, integers of any length; half of a surrogate pair becomes U+FFFD. Builds
// nothing: memory follows what is printed.
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

class JsonCursor {
public:
    enum class Kind : uint8_t { null, boolean, number, string, array, object, none };
    static constexpr int kDepthMax = 256;

    explicit JsonCursor(std::string_view text) : text_(text) {}

    // What stands next; none: the end, or no value.
    Kind next();
    // Each takes the next value whole. False: the text is no JSON, or no such value is next; from
    // then on everything is false.
    bool string(std::string& out);  // decoded, appended
    bool print(std::string& out);   // any value, in Python's spelling, appended
    bool boolean(bool& out);
    bool null() { return literal("null"); }
    bool skip(std::string_view& raw);  // any value, as it stands

    // `item()` and `member(key)` take one value each; false gives up.
    template <class Item>
    bool array(Item&& item) {
        if (!open('[')) return false;
        if (eat(']')) return leave();
        do {
            if (!item()) return fail();
        } while (eat(','));
        return eat(']') ? leave() : fail();
    }
    template <class Member>
    bool object(Member&& member) {
        if (!open('{')) return false;
        if (eat('}')) return leave();
        do {
            std::string key;
            if (!string(key) || !eat(':') || !member(key)) return fail();
        } while (eat(','));
        return eat('}') ? leave() : fail();
    }

    // Nothing but blanks is left of a text that was JSON.
    bool done() { return next() == Kind::none && at_ == text_.size() && !failed_; }

private:
    bool fail() { return failed_ = true, false; }
    bool open(char bracket);
    bool leave() { return --depth_, true; }
    bool eat(char c);
    bool literal(std::string_view word);
    bool escape(std::string& out);
    bool hex4(uint32_t& out);
    bool print_number(std::string& out);
    bool print_array(std::string& out);
    bool print_object(std::string& out);
    void skip_blanks();

    const std::string_view text_;
    size_t at_ = 0;
    int depth_ = 0;
    bool failed_ = false;
};

// `text` in quotes, as Python prints a string.
void append_python_string(std::string& out, std::string_view text);

}  // namespace engine
