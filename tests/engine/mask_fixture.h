#pragma once
// Walks along what a mask allows.
#include <algorithm>
#include <random>
#include <vector>

#include "tests/engine/text_fixture.h"

namespace engine {

// More than the tokenizer has ids, as a model may have.
inline int64_t mask_rows() {
    return small_tokenizer().n_ids() + 7;
}

inline std::vector<int32_t> allowed(std::span<const TokenUse> mask) {
    std::vector<int32_t> ids;
    for (size_t id = 0; id < mask.size(); ++id) {
        if (mask[id] != TokenUse::never) ids.push_back(static_cast<int32_t>(id));
    }
    return ids;
}

inline bool is_among(const std::vector<int32_t>& ids, Control control) {
    return std::find(ids.begin(), ids.end(), small_controls()[control]) != ids.end();
}

// A token of the mask: often a control where one may come, or what closes something, so that
// values end; mostly, if it is to end soon.
inline int32_t pick(const std::vector<int32_t>& ids, std::mt19937& random, bool soon) {
    for (const Control control : {Control::eos, Control::dsml, Control::think_end}) {
        const bool at_once = soon && control != Control::dsml;  // behind it another call may begin
        if (is_among(ids, control) && (at_once || random() % 2)) return small_controls()[control];
    }
    const auto is_there = [&](int32_t id) {
        return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    static const std::vector<int32_t> kClosing = [] {
        std::vector<int32_t> closing;
        for (const char* text : {"}", "]", "\"", "<", "/", "n", "0"}) {
            closing.push_back(encode(text).at(0));
        }
        return closing;
    }();
    const bool in_text = is_there(encode("~").at(0));
    if (soon && !in_text) {
        for (const int32_t id : kClosing) {
            if (is_there(id)) return id;
        }
    }
    // Of a text these end it.
    const int32_t id = in_text ? kClosing[2 + random() % 3] : kClosing[random() % kClosing.size()];
    return is_there(id) && (soon || random() % 2) ? id : ids[random() % ids.size()];
}

}  // namespace engine
