#pragma once
// The grammar of weir.yaml as one table. The loader walks it, the JSON Schema and the reference
// page are printed from it: a key is described here and nowhere else.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace config {

enum class Type : uint8_t {
    integer,     // decimal; min and max
    boolean,     // true or false
    text,        // one line
    secret,      // text; ${env:NAME} or ${file:PATH} but for loopback hosts
    ip_address,  // a literal
    url,         // of an upstream
    duration,    // "30s"; min and max in milliseconds
    bytes,       // "32MiB"; min and max in bytes
    time,        // RFC 3339
    price,       // "0.20": per million tokens; max in 1e-12 of the currency per token
    factor,      // "0.5": at most six decimals; min and max in millionths
    rate,        // "0.1403": USD for one unit of a currency; min and max in 1e-9
    currency,    // "CNY"
    zone,        // a time zone's IANA name
    word,        // one of `words`
    reference,   // a name below the top-level key `refers_to`
    words,       // a list of different `words`
    references,  // a list of different names below `refers_to`; min items
    names,       // a list of different names; style as of a model
    secrets,     // a list of different secrets; min items
    origins,     // a list of different "https://app.example.com", or "*"
    spans,       // a list of "01:00-04:00", apart; min items
    dates,       // a list of different dates, as 2026-10-01
    shares,      // names below `refers_to`, each with a decimal number; min and max
    matches,     // any number of names, each with a text or a list of different texts
    section,     // the keys of `section`
    named,       // any number of names, each with the keys of `section`; min names
};

// How a scalar reads, checked and in the unit of its type.
struct Value {
    std::string text;    // text, secret, ip_address, url, word, currency, zone
    int64_t number = 0;  // integer, duration, bytes, time, price, factor, rate
    bool flag = false;
};

struct Section;

struct Key {
    std::string_view name;
    Type type;
    std::string_view help;
    std::string_view fallback =
        {};  // as it would be written; "{}": a section of defaults; empty: none
    bool required = false;
    int64_t min = 0;
    int64_t max = 0;
    std::span<const std::string_view> words = {};
    std::string_view refers_to = {};
    const Section* section = nullptr;
    bool model_names =
        false;  // named: names are what clients write, so / : @ + are allowed in them
    // Where it goes, in the struct that its section describes. None: the linker reads it.
    void (*store)(void* target, const Value& value) = nullptr;
    void* (*enter)(void* target) = nullptr;                            // section
    void* (*append)(void* target, const std::string& name) = nullptr;  // named
};

struct Section {
    std::string_view help;
    std::span<const Key> keys;
};

// The whole file; its struct is Config.
const Section& root_section();

inline constexpr int64_t kNamedMax = 1'000;  // names below one top-level key

// Letters, digits and . _ - (and / : @ + in a model's name), beginning with a letter or digit.
bool is_name(std::string_view text, bool model_name);
inline constexpr size_t kNameBytesMax = 128;

}  // namespace config
