#pragma once
// How a row of the grammar is written down.
#include "config/grammar_store.h"

namespace config {

inline constexpr int64_t kTokensMax = 16'777'216;

template <auto Member>
constexpr auto into = &Into<Member>::store;

struct Range {
    int64_t min;
    int64_t max;
};
using Store = void (*)(void*, const Value&);

constexpr Key number(Type type, std::string_view name, std::string_view help,
                     std::string_view fallback, Range range, Store store) {
    return {.name = name,
            .type = type,
            .help = help,
            .fallback = fallback,
            .min = range.min,
            .max = range.max,
            .store = store};
}
constexpr Key integer(std::string_view name, std::string_view help, std::string_view fallback,
                      Range range, Store store) {
    return number(Type::integer, name, help, fallback, range, store);
}
constexpr Key duration(std::string_view name, std::string_view help, std::string_view fallback,
                       Range range_ms, Store store) {
    return number(Type::duration, name, help, fallback, range_ms, store);
}
constexpr Key bytes(std::string_view name, std::string_view help, std::string_view fallback,
                    Range range, Store store) {
    return number(Type::bytes, name, help, fallback, range, store);
}
constexpr Key scalar(Type type, std::string_view name, std::string_view help,
                     std::string_view fallback, Store store) {
    return number(type, name, help, fallback, {0, 0}, store);
}
constexpr Key word(std::string_view name, std::string_view help, std::string_view fallback,
                   std::span<const std::string_view> words, Store store) {
    return {.name = name,
            .type = Type::word,
            .help = help,
            .fallback = fallback,
            .words = words,
            .store = store};
}
constexpr Key required(Key key) {
    key.required = true;
    return key;
}

}  // namespace config
