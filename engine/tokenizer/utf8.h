#pragma once
// UTF-8 as Unicode 3.9 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

enum class Utf8Form : uint8_t {
    whole,       // one character
    incomplete,  // the text ends inside a character that could still become one
    ill_formed,  // a maximal prefix that no continuation can mend: one U+FFFD
};
struct Utf8Step {
    size_t n_bytes = 0;  // >= 1
    Utf8Form form = Utf8Form::whole;
};

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What stands at the start of `text`, which must not be empty.
Utf8Step next_utf8(std::string_view text);
bool is_utf8(std::string_view text);
// `text` with one U+FFFD for each ill-formed or incomplete part.
std::string repair_utf8(std::string_view text);

// Puts the bytes of tokens together again: a token may start or end inside a character. Never emits
// a part of one, and holds back 3 bytes at most, so that a stuck byte cannot hold the stream.
class Utf8Stream {
public:
    // Appends to `out` what is whole by now.
    void push(std::string_view bytes, std::string& out);
    // The text is over: an incomplete rest becomes one U+FFFD.
    void finish(std::string& out);

private:
    std::string pending_;  // a valid, incomplete beginning of one character
};

}  // namespace engine
