#pragma once
// Reads weir.yaml strictly. Every refusal names file, line, column, the key and what to do; unknown
// keys name the nearest known one. One table (config/grammar.h) is the loader, the JSON Schema and
// the reference page. Does not read the environment itself: names are looked up through
// Environment.
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.h"

namespace config {

// One reason why a file is refused.
struct Refusal {
    std::string file;
    int line = 0;         // from 1; 0: the file as a whole
    int column = 0;       // from 1
    std::string key;      // "endpoints.gpt55.price"; empty where no key is to blame
    std::string message;  // what is wrong and what to write instead
};
// "weir.yaml:12:5: endpoints.gpt55.prize: unknown key; did you mean price?"
std::string to_string(const Refusal& refusal);

// Where ${env:NAME} and ${file:PATH} come from. Both answer nothing when the name is unset or
// unreadable.
struct Environment {
    std::function<std::optional<std::string>(const std::string& name)> variable;
    std::function<std::optional<std::string>(const std::string& path)> file;
};

// All refusals that can be told at once, in file order; never empty on failure.
tl::expected<Config, std::vector<Refusal>> load(const std::filesystem::path& file,
                                                const Environment&);
// The same from memory; `name` stands in for the file in refusals.
tl::expected<Config, std::vector<Refusal>> parse(std::string_view text, std::string_view name,
                                                 const Environment&);

// Every value of a good file under its key, defaults too: {"routes.r.plan", "[a, b]"}. What came
// from outside stands as its ${...}, a key that was written out as "(secret)". Errors: as load().
using Settings = std::map<std::string, std::string>;
tl::expected<Settings, std::vector<Refusal>> settings(const std::filesystem::path& file,
                                                      const Environment&);

// Generated from the grammar table.
std::string json_schema();
std::string reference_page();  // Markdown

}  // namespace config
