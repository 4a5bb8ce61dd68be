#include "engine/calls/vocabulary.h"

#include <algorithm>
#include <bitset>

namespace engine {
namespace {

// From the first byte on that breaks a JSON string; empty: none does.
std::string_view tail(std::string_view bytes) {
    const auto at = std::find_if(bytes.begin(), bytes.end(),
                                 [](char c) { return breaks_json_text(static_cast<uint8_t>(c)); });
    return bytes.substr(static_cast<size_t>(at - bytes.begin()));
}

bool is_text(const Tokenizer& tokenizer, int32_t id) {
    return !tokenizer.is_added(id) && !tokenizer.bytes(id).empty();
}

// Sorts ids by a text of each.
template <class Text>
ByteTrie sorted(std::vector<int32_t>& ids, Text&& text) {
    std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) { return text(a) < text(b); });
    std::vector<std::string_view> texts;
    texts.reserve(ids.size());
    for (const int32_t id : ids) texts.push_back(text(id));
    return ByteTrie(texts);
}

}  // namespace

Vocabulary::Vocabulary(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    for (int32_t id = 0; id < tokenizer.n_ids(); ++id) {
        if (!is_text(tokenizer, id)) continue;
        ids_.push_back(id);
        const std::string_view end = tail(tokenizer.bytes(id));
        if (end.empty()) continue;
        breaking_.push_back(id);
        if (static_cast<uint8_t>(end.front()) >= 0x20) tail_ids_.push_back(id);
    }
    tokens_ = sorted(ids_, [&](int32_t id) { return tokenizer.bytes(id); });
    tails_ = sorted(tail_ids_, [&](int32_t id) { return tail(tokenizer.bytes(id)); });
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
