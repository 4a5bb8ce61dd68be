#pragma once
// Reads one scalar as the grammar's type of it. Nothing is converted that was not written so: no
// octal, no yes and no, no number out of a quoted string.
#include <string>
#include <tl/expected.hpp>

#include "config/grammar.h"
#include "config/price.h"
#include "config/yaml_tree.h"

namespace config {

// The error says what is wrong and what to write instead; it never repeats a secret or expanded
// value.
tl::expected<Value, std::string> read_scalar(const Key& key, const Node& node);

// "01:00-04:00", the days of a span: minutes of the day, the first below the second.
std::optional<PriceWindow::Span> parse_span(std::string_view text);

// Whether YAML 1.1 or 1.2 would take this unquoted text for a number, a boolean or nothing.
bool looks_typed(std::string_view text);

// "30s" and "32MiB" again, in the largest unit that is exact.
std::string shown_duration(int64_t ms);
std::string shown_bytes(int64_t n);

// The node as a message may show it: its text, shortened, in quotes; or where it was expanded from.
std::string shown(const Node& node);

}  // namespace config
