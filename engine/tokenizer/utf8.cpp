#include "engine/tokenizer/utf8.h"

namespace engine {
namespace {

uint8_t byte_at(std::string_view text, size_t i) {
    return static_cast<uint8_t>(text[i]);
}

// Of the character that `lead` begins: its length, and the range of its second byte, which is where
// overlong forms, surrogates and code points beyond the last are ruled out. Length 0: no lead byte.
struct Lead {
    size_t n_bytes;
    uint8_t second_min;
    uint8_t second_max;
};

Lead lead_of(uint8_t lead) {
    if (lead < 0x80) return {1, 0, 0};
    if (lead < 0xC2) return {0, 0, 0};
    if (lead < 0xE0) return {2, 0x80, 0xBF};
    if (lead == 0xE0) return {3, 0xA0, 0xBF};
    if (lead == 0xED) return {3, 0x80, 0x9F};
    if (lead < 0xF0) return {3, 0x80, 0xBF};
    if (lead == 0xF0) return {4, 0x90, 0xBF};
    if (lead < 0xF4) return {4, 0x80, 0xBF};
    if (lead == 0xF4) return {4, 0x80, 0x8F};
    return {0, 0, 0};
}

size_t n_leading_ascii(std::string_view text) {
    size_t n = 0;
    while (n < text.size() && byte_at(text, n) < 0x80) ++n;
    return n;
}

}  // namespace

Utf8Step next_utf8(std::string_view text) {
    const Lead lead = lead_of(byte_at(text, 0));
    if (lead.n_bytes == 0) return {1, Utf8Form::ill_formed};
    for (size_t i = 1; i < lead.n_bytes; ++i) {
        if (i == text.size()) return {i, Utf8Form::incomplete};
        const uint8_t byte = byte_at(text, i);
        const uint8_t min = i == 1 ? lead.second_min : 0x80;
        const uint8_t max = i == 1 ? lead.second_max : 0xBF;
        if (byte < min || byte > max) return {i, Utf8Form::ill_formed};
    }
    return {lead.n_bytes, Utf8Form::whole};
}

bool is_utf8(std::string_view text) {
    while (true) {
        text.remove_prefix(n_leading_ascii(text));
        if (text.empty()) return true;
        const Utf8Step step = next_utf8(text);
        if (step.form != Utf8Form::whole) return false;
        text.remove_prefix(step.n_bytes);
    }
}

std::string repair_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    Utf8Stream stream;
    stream.push(text, out);
    stream.finish(out);
    return out;
}

void Utf8Stream::push(std::string_view bytes, std::string& out) {
    std::string joined;
    if (!pending_.empty()) {
        joined = std::move(pending_);
        pending_.clear();
        joined += bytes;
        bytes = joined;
    }
    while (!bytes.empty()) {
        if (const size_t n = n_leading_ascii(bytes); n > 0) {
            out += bytes.substr(0, n);
            bytes.remove_prefix(n);
            continue;
        }
        const Utf8Step step = next_utf8(bytes);
        if (step.form == Utf8Form::incomplete) {
            pending_ = bytes;
            return;
        }
        out += step.form == Utf8Form::whole ? bytes.substr(0, step.n_bytes) : kReplacement;
        bytes.remove_prefix(step.n_bytes);
    }
}

void Utf8Stream::finish(std::string& out) {
    if (!pending_.empty()) out += kReplacement;
    pending_.clear();
}

}  // namespace engine
