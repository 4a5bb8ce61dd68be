// The JSON Schema (draft 2020-12) of weir.yaml, for editors. Printed from the grammar table.
#include <fmt/format.h>

#include <algorithm>

#include "config/grammar.h"
#include "config/json_writer.h"
#include "config/loader.h"
#include "config/scalar.h"

namespace config {

namespace {

constexpr std::string_view kNamePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
constexpr std::string_view kModelNamePattern = "^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$";
constexpr std::string_view kSpanPattern = "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$";
constexpr std::string_view kExpansionPattern = "^\\$\\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^}]+)\\}$";

class SchemaWriter {
public:
    std::string write() {
        json_.begin_object();
        json_.key("$schema").value("https://json-schema.org/draft/2020-12/schema");
        json_.key("title").value("weir.yaml");
        section_body(root_section());
        json_.key("$defs").begin_object();
        json_.key("expansion").begin_object();
        json_.key("type").value("string").key("pattern").value(kExpansionPattern);
        json_.end_object().end_object().end_object();
        return json_.take();
    }

private:
    void section_body(const Section& section) {
        json_.key("type").value("object").key("additionalProperties").literal("false");
        json_.key("properties").begin_object();
        for (const Key& key : section.keys) {
            json_.key(key.name).begin_object();
            property(key);
            json_.end_object();
        }
        json_.end_object();
        if (std::none_of(section.keys.begin(), section.keys.end(),
                         [](const Key& key) { return key.required; })) {
            return;
        }
        json_.key("required").begin_array();
        for (const Key& key : section.keys) {
            if (key.required) json_.value(key.name);
        }
        json_.end_array();
    }

    void property(const Key& key) {
        json_.key("description").value(key.help);
        switch (key.type) {
            case Type::section:
                section_body(*key.section);
                return;
            case Type::named:
                named(key);
                return;
            case Type::words:
                begin_list(key);
                words(key);
                json_.end_object();
                return;
            case Type::references:
                list_of_names(key, kNamePattern);
                return;
            case Type::names:
                list_of_names(key, kModelNamePattern);
                return;
            case Type::shares:
                shares(key);
                return;
            case Type::matches:
                matches();
                return;
            case Type::secrets:
                begin_list(key);
                json_.key("type").value("string").end_object();
                return;
            case Type::origins:
                list_of_names(key, "^(\\*|https?://[a-z0-9.:\\[\\]-]+)$");
                return;
            case Type::spans:
                list_of_names(key, kSpanPattern);
                return;
            case Type::dates:
                list_of_names(key, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
                return;
            case Type::secret:
                json_.key("type").value("string");
                return;
            default:
                scalar(key);
        }
    }

    void named(const Key& key) {
        json_.key("type").value("object");
        if (key.min > 0) json_.key("minProperties").literal(fmt::format("{}", key.min));
        json_.key("maxProperties").literal(fmt::format("{}", kNamedMax));
        json_.key("propertyNames").begin_object();
        json_.key("pattern").value(key.model_names ? kModelNamePattern : kNamePattern);
        json_.end_object();
        json_.key("additionalProperties").begin_object();
        section_body(*key.section);
        json_.end_object();
    }

    void shares(const Key& key) {
        json_.key("type").value("object");
        json_.key("propertyNames").begin_object();
        json_.key("pattern").value(kNamePattern);
        json_.end_object();
        json_.key("additionalProperties").begin_object();
        json_.key("type").value("integer");
        json_.key("minimum").literal(fmt::format("{}", key.min));
        json_.key("maximum").literal(fmt::format("{}", key.max));
        json_.end_object();
    }

    void matches() {
        json_.key("type").value("object").key("minProperties").literal("1");
        json_.key("additionalProperties").begin_object();
        json_.key("anyOf").begin_array().begin_object();
        json_.key("type").value("string").key("minLength").literal("1");
        json_.end_object().begin_object();
        json_.key("type").value("array").key("uniqueItems").literal("true");
        json_.key("minItems").literal("1").key("items").begin_object();
        json_.key("type").value("string").key("minLength").literal("1");
        json_.end_object().end_object().end_array().end_object();
    }

    void begin_list(const Key& key) {
        json_.key("type").value("array").key("uniqueItems").literal("true");
        if (key.min > 0) json_.key("minItems").literal(fmt::format("{}", key.min));
        json_.key("items").begin_object();
    }

    void list_of_names(const Key& key, std::string_view name_pattern) {
        begin_list(key);
        json_.key("type").value("string").key("pattern").value(name_pattern);
        json_.end_object();
    }

    void words(const Key& key) {
        json_.key("enum").begin_array();
        for (const std::string_view word : key.words) json_.value(word);
        json_.end_array();
    }

    void pattern(std::string_view pattern) {
        json_.key("type").value("string").key("pattern").value(pattern);
    }

    // A value of the type itself, or the place it comes from.
    void scalar(const Key& key) {
        write_default(key);
        json_.key("anyOf").begin_array().begin_object();
        switch (key.type) {
            case Type::integer:
                json_.key("type").value("integer");
                json_.key("minimum").literal(fmt::format("{}", key.min));
                json_.key("maximum").literal(fmt::format("{}", key.max));
                break;
            case Type::boolean:
                json_.key("type").value("boolean");
                break;
            case Type::word:
                words(key);
                break;
            case Type::url:
                pattern("^https?://[^?#@]+$");
                break;
            case Type::duration:
                pattern("^(0|[1-9][0-9]*)(ms|s|m|h)$");
                break;
            case Type::bytes:
                pattern("^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$");
                break;
            case Type::time:
                pattern(
                    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?"
                    "(Z|[+-][0-9]{2}:[0-9]{2})$");
                break;
            case Type::price:
            case Type::factor:
                pattern("^(0|[1-9][0-9]*)(\\.[0-9]{1,6})?$");
                break;
            case Type::rate:
                pattern("^(0|[1-9][0-9]*)(\\.[0-9]{1,9})?$");
                break;
            case Type::currency:
                pattern("^[A-Z]{3}$");
                break;
            default:
                json_.key("type").value("string").key("minLength").literal("1");
        }
        json_.end_object().begin_object();
        json_.key("$ref").value("#/$defs/expansion");
        json_.end_object().end_array();
    }

    void write_default(const Key& key) {
        if (key.fallback.empty()) return;
        std::string_view text = key.fallback;
        const bool quoted = text.starts_with('"');
        if (quoted) text = text.substr(1, text.size() - 2);
        json_.key("default");
        if (!quoted && looks_typed(text) && key.type != Type::ip_address) {
            json_.literal(text);
        } else {
            json_.value(text);
        }
    }

    JsonWriter json_;
};

}  // namespace

std::string json_schema() {
    return SchemaWriter().write();
}

}  // namespace config
