#include "config/yaml_text.h"

#include <fmt/format.h>

#include "config/refusals.h"

namespace config {

namespace {

constexpr int kOpenMax = 1'000;  // in comments and quotes too, where no honest file has so many

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    for (size_t i = 1; i < length; ++i) {
        if (!is_continuation(text[i])) return 0;
    }
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return length;
}

bool check_text(std::string_view text, Refusals& refusals) {
    if (text.size() > kFileBytesMax) {
        refusals.add({}, "", "larger than 1 MiB; is this a configuration file?");
        return false;
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
        refusals.add({1, 1}, "", "begins with a byte order mark; save it as UTF-8 without one");
        return false;
    }
    Mark at{1, 1};
    bool indenting = true;
    int n_open = 0;
    for (size_t i = 0; i < text.size();) {
        const size_t length = utf8_length(text.substr(i));
        if (length == 0) {
            refusals.add(at, "", "not UTF-8; save the file as UTF-8");
            return false;
        }
        const auto c = static_cast<unsigned char>(text[i]);
        const bool line_end = c == '\n' || (c == '\r' && text.substr(i + 1).starts_with('\n'));
        if ((c < 0x20 && c != '\t' && !line_end) || c == 0x7F) {
            refusals.add(at, "", fmt::format("control character {:#04x}; remove it", c));
            return false;
        }
        if (c == '\t' && indenting) {
            refusals.add(at, "", "a tab in the indentation; indent with blanks");
            return false;
        }
        if (c == '%' && at.column == 1) {
            refusals.add(at, "", "YAML directives are not read; remove the line");
            return false;
        }
        if (c == '[' || c == '{') ++n_open;
        if ((c == ']' || c == '}') && n_open > 0) --n_open;
        if (n_open > kOpenMax) {
            refusals.add(at, "", fmt::format("more than {} open brackets; close them", kOpenMax));
            return false;
        }
        indenting = line_end || (indenting && c == ' ');
        i += length;
        at = c == '\n' ? Mark{at.line + 1, 1} : Mark{at.line, at.column + 1};
    }
    return true;
}

}  // namespace config
