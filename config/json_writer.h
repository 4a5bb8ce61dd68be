#pragma once
// Writes indented JSON; enough for a schema. Calls follow the order of the text.
#include <string>
#include <string_view>

namespace config {

class JsonWriter {
public:
    JsonWriter& begin_object() { return open('{'); }
    JsonWriter& end_object() { return close('}'); }
    JsonWriter& begin_array() { return open('['); }
    JsonWriter& end_array() { return close(']'); }
    JsonWriter& key(std::string_view name) {
        separate();
        quote(name);
        text_ += ": ";
        after_key_ = true;
        return *this;
    }
    JsonWriter& value(std::string_view text) {
        separate();
        quote(text);
        return *this;
    }
    JsonWriter& literal(std::string_view number_or_word) {
        separate();
        text_ += number_or_word;
        return *this;
    }
    std::string take() { return std::move(text_) + "\n"; }

private:
    JsonWriter& open(char bracket) {
        separate();
        text_ += bracket;
        ++depth_;
        empty_ = true;
        return *this;
    }
    JsonWriter& close(char bracket) {
        --depth_;
        if (!empty_) break_line();
        text_ += bracket;
        empty_ = false;
        return *this;
    }
    void separate() {
        if (after_key_) {
            after_key_ = false;
            return;
        }
        if (!empty_) text_ += ',';
        if (depth_ > 0) break_line();
        empty_ = false;
    }
    void break_line() { text_.append("\n").append(2 * depth_, ' '); }
    // The grammar's own words and help: no control characters.
    void quote(std::string_view text) {
        text_ += '"';
        for (const char c : text) {
            if (c == '"' || c == '\\') text_ += '\\';
            text_ += c;
        }
        text_ += '"';
    }

    std::string text_;
    size_t depth_ = 0;
    bool empty_ = true;
    bool after_key_ = false;
};

}  // namespace config
