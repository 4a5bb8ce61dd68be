#pragma once
// What a table of vendors' prices says, row by row; see price_import.h for its keys.
#include <optional>
#include <string>

#include "config/yaml_tree.h"

namespace config {

struct PriceTableRow {
    int line = 0;
    std::string begin, until;  // RFC 3339
    bool is_dated = false;     // `begin` is more than the day on which it was seen
    std::string window, tier, currency, source, seen, note;
    std::string input, cached, output;  // empty: not stated
    std::string threshold;              // of input tokens, up to or above which it holds
    bool is_long = false;               // above
    bool verified = false;
    bool is_list_price = false;
};

// The text of a key; empty where there is none or it is null.
std::string text_at(const Node& map, std::string_view key);

PriceTableRow read_row(const Node& node);

class PriceTable {
public:
    explicit PriceTable(const Node& root) : root_(root) {}

    std::string title_of(const std::string& source) const;

    struct Hours {
        std::string spans;  // as in weir.yaml, UTC
        std::string days;   // empty: all
        std::string note;   // what the days say beside their names
    };
    // The last verified hours of the model, or of another one of its provider.
    std::optional<Hours> hours_of(const Node& model) const;

private:
    const Node& root_;
};

}  // namespace config
