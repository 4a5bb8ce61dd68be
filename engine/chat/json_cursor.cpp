#include "engine/chat/json_cursor.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

#include "engine/tokenizer/utf8.h"

namespace engine {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, uint32_t c) {
    const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | c >> 6);
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3F));
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    }
}

// repr() of a float: the shortest digits that read back, with a point or an exponent.
void append_python_float(std::string& out, double value) {
    char text[40];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    std::string_view all(text, static_cast<size_t>(end.ptr - text));
    if (all.front() == '-') {
        out += '-';
        all.remove_prefix(1);
    }
    const size_t at = all.find('e');
    std::string digits(1, all[0]);
    if (at > 2) digits += all.substr(2, at - 2);
    int exponent = 0;
    const char* from = all.data() + at + 1;
    if (*from == '+') ++from;
    std::from_chars(from, all.data() + all.size(), exponent);
    if (exponent < -4 || exponent >= 16) {
        out += all;
        return;
    }
    if (exponent < 0) {
        out += "0.";
        out.append(static_cast<size_t>(-exponent - 1), '0');
        out += digits;
        return;
    }
    const auto n_whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() < n_whole) digits.resize(n_whole, '0');
    out += std::string_view(digits).substr(0, n_whole);
    out += '.';
    out += digits.size() > n_whole ? std::string_view(digits).substr(n_whole) : "0";
}

// Of a literal that no double holds: too large, else too small. The place of its first digit that
// is not 0 decides.
bool overflows(std::string_view number) {
    const size_t e = number.find_first_of("eE");
    const std::string_view mantissa = number.substr(0, e);
    const size_t first = mantissa.find_first_not_of("-0.");
    if (first == std::string_view::npos) return false;
    const size_t point = std::min(mantissa.find('.'), mantissa.size());
    int64_t exponent = 0;
    if (e != std::string_view::npos) {
        std::string_view digits = number.substr(e + 1);
        const bool negative = digits.front() == '-';
        if (digits.front() == '-' || digits.front() == '+') digits.remove_prefix(1);
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
        if (read.ec != std::errc() || exponent > INT32_MAX) exponent = INT32_MAX;
        if (negative) exponent = -exponent;
    }
    return exponent + static_cast<int64_t>(point) - static_cast<int64_t>(first) > 0;
}

struct Member {
    size_t begin, key_end, end;  // "key": value in the printed text
};

// An object may say a key twice: the last value counts, at the place of the first.
void keep_last(std::string& out, size_t begin, const std::vector<Member>& members) {
    const auto key = [&out](const Member& m) {
        return std::string_view(out).substr(m.begin, m.key_end - m.begin);
    };
    std::vector<size_t> order(members.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        const int compared = key(members[a]).compare(key(members[b]));
        return compared != 0 ? compared < 0 : a < b;
    });
    std::vector<size_t> said_by(members.size());  // whose value stands there
    std::vector<bool> again(members.size());
    bool any = false;
    for (size_t i = 0; i < order.size();) {
        size_t end = i + 1;
        while (end < order.size() && key(members[order[i]]) == key(members[order[end]])) ++end;
        said_by[order[i]] = order[end - 1];
        for (size_t other = i + 1; other < end; ++other) again[order[other]] = any = true;
        i = end;
    }
    if (!any) return;
    std::string text = "{";
    for (size_t i = 0; i < members.size(); ++i) {
        if (again[i]) continue;
        if (text.size() > 1) text += ", ";
        const Member& member = members[said_by[i]];
        text += std::string_view(out).substr(member.begin, member.end - member.begin);
    }
    text += '}';
    out.resize(begin);
    out += text;
}

}  // namespace

void append_python_string(std::string& out, std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<uint8_t>(c);
        const size_t named = std::string_view("\"\\\b\f\n\r\t").find(c);
        if (named != std::string_view::npos) {
            out += '\\';
            out += "\"\\bfnrt"[named];
        } else if (byte < 0x20) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

void JsonCursor::skip_blanks() {
    at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size());
}

JsonCursor::Kind JsonCursor::next() {
    skip_blanks();
    if (failed_ || at_ == text_.size()) return Kind::none;
    switch (text_[at_]) {
        case '"':
            return Kind::string;
        case '[':
            return Kind::array;
        case '{':
            return Kind::object;
        case 'n':
            return Kind::null;
        case 't':
        case 'f':
            return Kind::boolean;
        case '-':
        case 'N':
        case 'I':
            return Kind::number;
        default:
            return is_digit(text_[at_]) ? Kind::number : Kind::none;
    }
}

bool JsonCursor::open(char bracket) {
    skip_blanks();
    if (failed_ || depth_ == kDepthMax || at_ == text_.size() || text_[at_] != bracket) {
        return fail();
    }
    ++at_;
    ++depth_;
    return true;
}

bool JsonCursor::eat(char c) {
    skip_blanks();
    if (failed_ || at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
}

bool JsonCursor::literal(std::string_view word) {
    skip_blanks();
    if (failed_ || text_.substr(at_, word.size()) != word) return fail();
    at_ += word.size();
    return true;
}

bool JsonCursor::boolean(bool& out) {
    if (next() != Kind::boolean) return fail();
    out = text_[at_] == 't';
    return literal(out ? "true" : "false");
}

bool JsonCursor::skip(std::string_view& raw) {
    skip_blanks();
    const size_t begin = at_;
    std::string ignored;
    if (!print(ignored)) return false;
    raw = text_.substr(begin, at_ - begin);
    return true;
}

bool JsonCursor::string(std::string& out) {
    if (next() != Kind::string) return fail();
    ++at_;
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == '"') return ++at_, true;
        if (static_cast<uint8_t>(c) < 0x20) return fail();
        ++at_;
        if (c != '\\') {
            out += c;
        } else if (!escape(out)) {
            return fail();
        }
    }
    return fail();
}

bool JsonCursor::hex4(uint32_t& out) {
    const std::string_view digits = text_.substr(at_, 4);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    if (digits.size() != 4 || read.ptr != digits.data() + 4) return false;
    at_ += 4;
    return true;
}

// Behind the backslash.
bool JsonCursor::escape(std::string& out) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    const size_t named = std::string_view("\"\\/bfnrt").find(c);
    if (named != std::string_view::npos) return out += "\"\\/\b\f\n\r\t"[named], true;
    uint32_t unit = 0;
    if (c != 'u' || !hex4(unit)) return false;
    if (unit >= 0xD800 && unit < 0xDC00 && text_.substr(at_, 2) == "\\u") {
        const size_t before = at_;
        uint32_t low = 0;
        at_ += 2;
        if (!hex4(low)) return false;
        if (low >= 0xDC00 && low < 0xE000) {
            append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
            return true;
        }
        at_ = before;
    }
    if (unit >= 0xD800 && unit < 0xE000) {
        out += kReplacement;
    } else {
        append_utf8(out, unit);
    }
    return true;
}

bool JsonCursor::print(std::string& out) {
    switch (next()) {
        case Kind::null:
            return out += "null", null();
        case Kind::boolean: {
            bool value = false;
            if (!boolean(value)) return false;
            return out += value ? "true" : "false", true;
        }
        case Kind::number:
            return print_number(out);
        case Kind::string: {
            std::string text;
            if (!string(text)) return false;
            return append_python_string(out, text), true;
        }
        case Kind::array:
            return print_array(out);
        case Kind::object:
            return print_object(out);
        case Kind::none:
            break;
    }
    return fail();
}

bool JsonCursor::print_array(std::string& out) {
    out += '[';
    bool first = true;
    const bool whole = array([&] {
        if (!first) out += ", ";
        first = false;
        return print(out);
    });
    out += ']';
    return whole;
}

bool JsonCursor::print_object(std::string& out) {
    std::vector<Member> members;
    const size_t begin = out.size();
    out += '{';
    const bool whole = object([&](const std::string& key) {
        if (!members.empty()) out += ", ";
        Member member{out.size(), 0, 0};
        append_python_string(out, key);
        member.key_end = out.size();
        out += ": ";
        const bool printed = print(out);
        member.end = out.size();
        members.push_back(member);
        return printed;
    });
    out += '}';
    if (whole && members.size() > 1) keep_last(out, begin, members);
    return whole;
}

bool JsonCursor::print_number(std::string& out) {
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
        if (text_.substr(at_, word.size()) == word) return out += word, at_ += word.size(), true;
    }
    const size_t begin = at_;
    const auto digits = [this] {
        const size_t from = at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
        return at_ > from;
    };
    if (text_[at_] == '-') ++at_;
    const size_t first = at_;
    if (!digits()) return fail();
    if (text_[first] == '0') at_ = first + 1;
    bool is_float = false;
    // A point or an exponent without digits is no part of the number: what follows will not fit.
    if (text_.substr(at_, 1) == ".") {
        const size_t before = at_++;
        is_float = digits();
        if (!is_float) at_ = before;
    }
    if (const std::string_view e = text_.substr(at_, 1); e == "e" || e == "E") {
        const size_t before = at_++;
        if (const std::string_view sign = text_.substr(at_, 1); sign == "+" || sign == "-") ++at_;
        const bool has_exponent = digits();
        if (!has_exponent) at_ = before;
        is_float |= has_exponent;
    }
    const std::string_view number = text_.substr(begin, at_ - begin);
    if (!is_float) return out += number == "-0" ? std::string_view("0") : number, true;
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    if (read.ec == std::errc::result_out_of_range) {
        const bool negative = number.front() == '-';
        out += negative ? "-" : "";
        out += overflows(number) ? "Infinity" : "0.0";
    } else {
        append_python_float(out, value);
    }
    return true;
}

}  // namespace engine
