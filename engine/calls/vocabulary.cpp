#include "engine/calls/vocabulary.h"

#include <algorithm>
#include <bitset>

namespace engine {
namespace {

bool breaks_json_string(std::string_view bytes) {
    return std::any_of(bytes.begin(), bytes.end(), [](char c) {
        return c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20;
    });
}

bool is_text(const Tokenizer& tokenizer, int32_t id) {
    return !tokenizer.is_added(id) && !tokenizer.bytes(id).empty();
}

}  // namespace

Vocabulary::Vocabulary(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    for (int32_t id = 0; id < tokenizer.n_ids(); ++id) {
        if (!is_text(tokenizer, id)) continue;
        ids_.push_back(id);
        if (breaks_json_string(tokenizer.bytes(id))) breaking_.push_back(id);
    }
    std::sort(ids_.begin(), ids_.end(),
              [&](int32_t a, int32_t b) { return tokenizer.bytes(a) < tokenizer.bytes(b); });
    for (const int32_t id : ids_) {
        ++begins_[static_cast<uint8_t>(tokenizer.bytes(id).front()) + size_t{1}];
    }
    for (size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
}

void Vocabulary::find(const CallMachine& machine, std::vector<int32_t>& out) const {
    for (size_t byte = 0; byte < 256; ++byte) {
        if (begins_[byte] == begins_[byte + 1]) continue;
        CallMachine::Place place = machine.place();
        if (machine.advance(place, static_cast<uint8_t>(byte))) {
            walk(machine, place, begins_[byte], begins_[byte + 1], 1, out);
        }
    }
}

// The tokens of [begin, end) agree in `depth` bytes, which led to `place`.
void Vocabulary::walk(const CallMachine& machine, const CallMachine::Place& place, size_t begin,
                      size_t end, size_t depth, std::vector<int32_t>& out) const {
    const auto bytes = [this](size_t i) { return tokenizer_.bytes(ids_[i]); };
    for (; begin < end && bytes(begin).size() == depth; ++begin) out.push_back(ids_[begin]);
    while (begin < end) {
        const char byte = bytes(begin)[depth];
        size_t next = begin + 1;
        while (next < end && bytes(next)[depth] == byte) ++next;
        CallMachine::Place ahead = place;
        if (machine.advance(ahead, static_cast<uint8_t>(byte))) {
            walk(machine, ahead, begin, next, depth + 1, out);
        }
        begin = next;
    }
}

bool Vocabulary::accepts(const CallMachine& machine, int32_t id) const {
    CallMachine::Place place = machine.place();
    for (const char byte : tokenizer_.bytes(id)) {
        if (!machine.advance(place, static_cast<uint8_t>(byte))) return false;
    }
    return true;
}

bool writes_every_byte(const Tokenizer& tokenizer) {
    std::bitset<256> found;
    for (int32_t id = 0; id < tokenizer.n_ids(); ++id) {
        const std::string_view bytes = tokenizer.bytes(id);
        if (is_text(tokenizer, id) && bytes.size() == 1) {
            found.set(static_cast<uint8_t>(bytes.front()));
        }
    }
    return found.all();
}

}  // namespace engine
