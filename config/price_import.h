#pragma once
// From a table of vendors' prices (a list `models`, each with rows of prices) to prices as
// weir.yaml has them. Only what the table calls verified is taken, and only whole: what is left out
// is said.
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/loader.h"

namespace config {

struct ImportedPrice {
    std::string name;                   // of the model, made fit for a name
    std::string model;                  // as the table calls it
    std::string yaml;                   // the lines below `prices:`; empty: nothing of it was taken
    std::vector<std::string> left_out;  // why
};

// Of a model: id, provider, prices, peak_windows ({utc: ["01:00-04:00"], days, verified}). Of a
// price: input, cached_input, output (USD per million tokens), verified; from, until, in_effect_on,
// seen; window (off_peak, or a name of hours); service_tier; up_to_input_tokens,
// above_input_tokens; currency, source, note, list. `sources` gives titles.
// Errors: those of parse_yaml(); no list `models`.
tl::expected<std::vector<ImportedPrice>, std::vector<Refusal>> import_prices(std::string_view text,
                                                                             std::string_view name);

}  // namespace config
