#include "engine/schema/json_machine.h"

namespace engine {
namespace {

constexpr uint8_t kDeepMax = 64;
constexpr uint8_t kBlanksMax = 64;
constexpr uint8_t kDigitsMax = 200;
constexpr uint8_t kExponentDigitsMax = 2;

bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

int hex_value(uint8_t byte) {
    if (is_digit(byte)) return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

}  // namespace

bool JsonMachine::push(uint8_t byte) {
    switch (at_) {
        case At::value:
            return blank(byte) || begin_value(byte);
        case At::item_or_end:
            return blank(byte) || (byte == ']' ? close(byte) : begin_value(byte));
        case At::key_or_end:
            if (byte == '}') return close(byte);
            [[fallthrough]];
        case At::key:
            if (blank(byte)) return true;
            if (byte != '"') return false;
            at_ = At::string;
            is_key_ = true;
            return true;
        case At::colon:
            if (blank(byte)) return true;
            if (byte != ':') return false;
            at_ = At::value;
            n_blanks_ = 0;
            return true;
        case At::after_value:
            return after_value(byte);
        case At::string:
            if (byte == '"') return end_value();
            if (byte == '\\') at_ = At::escape;
            return byte >= 0x20;
        case At::escape:
        case At::low_escape:
        case At::low_u:
            return escape(byte);
        case At::hex:
            return hex(byte);
        case At::word:
            if (byte != static_cast<uint8_t>(*word_)) return false;
            return *++word_ != '\0' || end_value();
        default:
            return number(byte);
    }
}

bool JsonMachine::complete() const {
    if (n_deep_ > 0) return false;
    return at_ == At::after_value || at_ == At::zero || at_ == At::digits || at_ == At::fraction ||
           at_ == At::exponent_digits;
}

bool JsonMachine::blank(uint8_t byte) {
    const bool is_blank = byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
    return is_blank && n_deep_ > 0 && n_blanks_++ < kBlanksMax;
}

bool JsonMachine::open(uint8_t byte) {
    if (n_deep_ == kDeepMax) return false;
    const bool is_object = byte == '{';
    const uint64_t bit = uint64_t{1} << n_deep_++;
    objects_ = is_object ? objects_ | bit : objects_ & ~bit;
    at_ = is_object ? At::key_or_end : At::item_or_end;
    return true;
}

bool JsonMachine::begin_value(uint8_t byte) {
    n_blanks_ = 0;
    switch (byte) {
        case '{':
            return allows(json_kinds::object) && open(byte);
        case '[':
            return allows(json_kinds::array) && open(byte);
        case '"':
            at_ = At::string;
            is_key_ = false;
            return allows(json_kinds::string);
        case 't':
            return allows(json_kinds::boolean) && begin_word("rue");
        case 'f':
            return allows(json_kinds::boolean) && begin_word("alse");
        case 'n':
            return allows(json_kinds::null) && begin_word("ull");
        case '-':
            n_digits_ = 0;
            at_ = At::minus;
            return allows(json_kinds::number | json_kinds::integer);
        default:
            n_digits_ = 1;
            at_ = byte == '0' ? At::zero : At::digits;
            return is_digit(byte) && allows(json_kinds::number | json_kinds::integer);
    }
}

bool JsonMachine::begin_word(const char* rest) {
    at_ = At::word;
    word_ = rest;
    return true;
}

// Of a string too, which may be a key.
bool JsonMachine::end_value() {
    at_ = at_ == At::string && is_key_ ? At::colon : At::after_value;
    n_blanks_ = 0;
    return true;
}

bool JsonMachine::after_value(uint8_t byte) {
    if (n_deep_ == 0) return false;
    if (blank(byte)) return true;
    if (byte != ',') return close(byte);
    at_ = in_object() ? At::key : At::value;
    n_blanks_ = 0;
    return true;
}

bool JsonMachine::close(uint8_t byte) {
    if (byte != (in_object() ? '}' : ']')) return false;
    --n_deep_;
    at_ = At::after_value;
    n_blanks_ = 0;
    return true;
}

bool JsonMachine::escape(uint8_t byte) {
    if (at_ == At::low_escape) {
        at_ = At::low_u;
        return byte == '\\';
    }
    const bool is_code = byte == 'u';
    if (at_ == At::low_u && !is_code) return false;
    if (is_code) {
        wants_low_ = at_ == At::low_u;
        at_ = At::hex;
        n_digits_ = 0;
        code_ = 0;
        return true;
    }
    at_ = At::string;
    switch (byte) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            return true;
        default:
            return false;
    }
}

bool JsonMachine::hex(uint8_t byte) {
    const int digit = hex_value(byte);
    if (digit < 0) return false;
    code_ = static_cast<uint16_t>(code_ << 4 | digit);
    ++n_digits_;
    // The second digit tells a half of a pair from anything else: DC to DF is the second half.
    if (n_digits_ == 2) {
        const bool is_low = code_ >= 0xDC && code_ <= 0xDF;
        if (is_low != wants_low_) return false;
    }
    if (n_digits_ < 4) return n_digits_ > 1 || !wants_low_ || code_ == 0xD;
    const bool is_high = code_ >= 0xD800 && code_ <= 0xDBFF;
    at_ = is_high ? At::low_escape : At::string;
    return true;
}

bool JsonMachine::number(uint8_t byte) {
    const bool digit = is_digit(byte);
    const bool is_e = byte == 'e' || byte == 'E';
    const bool any_number = allows(json_kinds::number);
    if (digit && n_digits_++ == kDigitsMax) return false;
    const auto go = [this](At at) { return at_ = at, true; };
    // Digits of an exponent count anew, a fraction needs room for one.
    const auto go_exponent = [&] { return n_digits_ = 0, go(At::exponent); };
    // A number ends at the first byte that is none of its own.
    const auto behind = [&] {
        if (n_deep_ == 0) return false;
        end_value();
        return after_value(byte);
    };
    switch (at_) {
        case At::minus:
            return digit && go(byte == '0' ? At::zero : At::digits);
        case At::zero:
        case At::digits:
            if (digit) return at_ == At::digits;
            if (any_number && byte == '.') return n_digits_ < kDigitsMax && go(At::point);
            if (any_number && is_e) return go_exponent();
            return behind();
        case At::point:
            return digit && go(At::fraction);
        case At::fraction:
            if (digit) return true;
            return is_e ? go_exponent() : behind();
        case At::exponent:
            if (byte == '+' || byte == '-') return go(At::exponent_sign);
            [[fallthrough]];
        case At::exponent_sign:
            n_digits_ = 1;
            return digit && go(At::exponent_digits);
        default:
            return digit ? n_digits_ <= kExponentDigitsMax : behind();
    }
}

}  // namespace engine
