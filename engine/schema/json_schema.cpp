#include "engine/schema/json_schema.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "engine/chat/json_cursor.h"
#include "engine/schema/schema_depth.h"
#include "engine/schema/schema_path.h"
#include "engine/schema/schema_reader.h"

namespace engine {
namespace {

using Form = SchemaNode::Form;
using Done = Result<void>;

constexpr size_t kSetsMax = 4'096;
constexpr size_t kKeysMax = size_t{1} << 15;  // of all sets, for each alternative that is an object

std::string spelled(const std::string& name) {
    std::string text;
    append_python_string(text, name);
    return text.substr(1, text.size() - 2);
}

bool begins(const std::vector<JsonSchema::Literal>& literals, char byte) {
    return std::any_of(
        literals.begin(), literals.end(),
        [byte](const JsonSchema::Literal& literal) { return literal.text.front() == byte; });
}

}  // namespace

class SchemaCompiler {
public:
    explicit SchemaCompiler(SchemaNodes nodes)
        : in_(std::move(nodes)), depths_(schema_depths(in_, JsonSchema::kDeepMax)) {}

    Result<std::shared_ptr<const JsonSchema>> compile() {
        Parts parts;
        add(parts, in_.root, 1);
        auto root = edge(parts, in_.root);
        if (!root) return tl::unexpected(root.error());
        if (*root == JsonSchema::kNone) {
            return refuse(in_.root, "no value fits the schema within " +
                                        std::to_string(JsonSchema::kDeepMax) + " levels.");
        }
        for (uint32_t i = 0; i < sources_.size(); ++i) {
            if (auto done = fill(i); !done) return tl::unexpected(done.error());
        }
        return out_;
    }

private:
    using Set = JsonSchema::Set;
    using Alternative = JsonSchema::Alternative;
    // Nodes of a value, and alternatives of the set around it that want them.
    using Parts = std::map<uint32_t, uint32_t>;
    // What a set is made of.
    struct Source {
        std::vector<uint32_t> nodes;
        uint32_t value;  // one of those that have it, for errors
    };

    tl::unexpected<Error> refuse(uint32_t value, const std::string& what) const {
        return refuse_schema(path_of(in_, value), what);
    }

    void add(Parts& parts, uint32_t value, uint32_t owner) const {
        for (const uint32_t node : in_.values[value]) {
            if (depths_.nodes[node] != kNeverEnds) parts[node] |= owner;
        }
    }

    // To the set of these parts, which is made in its turn. kNone: there are none.
    Result<uint32_t> edge(const Parts& parts, uint32_t value) {
        if (parts.empty()) return JsonSchema::kNone;
        if (parts.size() > JsonSchema::kAlternativesMax) {
            return refuse(value, "more than " + std::to_string(JsonSchema::kAlternativesMax) +
                                     " forms of one value are not supported.");
        }
        Source source{{}, value};
        JsonSchema::Edge made{0, {}};
        for (const auto& [node, owners] : parts) {
            source.nodes.push_back(node);
            made.from.push_back(owners);
        }
        const auto [found, is_new] =
            known_.try_emplace(source.nodes, static_cast<uint32_t>(sources_.size()));
        if (is_new && sources_.size() == kSetsMax) return refuse_combinations(value);
        made.set = found->second;
        if (is_new) sources_.push_back(std::move(source));
        out_->edges_.push_back(std::move(made));
        return static_cast<uint32_t>(out_->edges_.size() - 1);
    }

    tl::unexpected<Error> refuse_combinations(uint32_t value) const {
        return refuse(value, "'anyOf' that combines so many forms is not supported.");
    }

    Done fill(uint32_t index) {
        const Source source = sources_[index];
        Set set;
        Parts items;
        std::map<std::string, uint32_t> literals;
        for (size_t i = 0; i < source.nodes.size(); ++i) {
            const SchemaNode& node = in_.nodes[source.nodes[i]];
            const uint32_t bit = uint32_t{1} << i;
            Alternative& alternative = set.alternatives.emplace_back();
            alternative.n_deep = depths_.nodes[source.nodes[i]];
            switch (node.form) {
                case Form::scalar:
                    alternative.kinds = node.kinds;
                    break;
                case Form::literals:
                    for (const std::string& text : node.literals) literals[text] |= bit;
                    break;
                case Form::object:
                    set.objects |= bit;
                    break;
                case Form::array:
                    set.arrays |= bit;
                    alternative.array = {node.n_items_min, node.n_items_max,
                                         depths_.values[node.items]};
                    add(items, node.items, bit);
                    break;
            }
        }
        for (const auto& [text, owners] : literals) set.literals.push_back({text, owners});
        if ((set.objects != 0 && begins(set.literals, '{')) ||
            (set.arrays != 0 && begins(set.literals, '['))) {
            return refuse(source.value,
                          "objects or arrays as listed values, beside others, are not supported.");
        }
        auto to_items = edge(items, source.value);
        if (!to_items) return tl::unexpected(to_items.error());
        set.items = *to_items;
        if (auto done = fill_keys(source, set); !done) return done;
        if (out_->sets_.size() <= index) out_->sets_.resize(index + 1);
        out_->sets_[index] = std::move(set);
        return {};
    }

    // Of the alternatives that are objects.
    Done fill_keys(const Source& source, Set& set) {
        std::map<std::string, Parts> keys;
        std::unordered_map<std::string, uint32_t>
            values;  // one of those that a key has, for errors
        Parts others;
        const auto each_object = [&](auto&& take) {
            for (size_t i = 0; i < source.nodes.size(); ++i) {
                const SchemaNode& node = in_.nodes[source.nodes[i]];
                if (node.form == Form::object) take(node, uint32_t{1} << i, set.alternatives[i]);
            }
        };
        each_object([&](const SchemaNode& node, uint32_t bit, Alternative&) {
            for (const SchemaProperty& property : node.properties) {
                const std::string text = spelled(property.name);
                add(keys[text], property.value, bit);
                values.emplace(text, property.value);
            }
            if (node.additional != kNoValue) add(others, node.additional, bit);
        });
        each_object([&](const SchemaNode& node, uint32_t bit, Alternative& alternative) {
            n_keys_ += keys.size() + 1;
            fill_object(node, keys, alternative.object);
            if (node.additional == kNoValue || n_keys_ > kKeysMax) return;
            uint32_t slot = 0;
            for (auto& [text, parts] : keys) {
                const bool is_own = alternative.object.places[slot++] != JsonSchema::kNone;
                if (!is_own) add(parts, node.additional, bit);
            }
        });
        if (n_keys_ > kKeysMax) return refuse_combinations(source.value);
        for (const auto& [text, parts] : keys) {
            auto to_value = edge(parts, values.at(text));
            if (!to_value) return tl::unexpected(to_value.error());
            set.keys.push_back({text, *to_value});
        }
        auto to_other = edge(others, source.value);
        if (!to_other) return tl::unexpected(to_other.error());
        set.other = *to_other;
        return {};
    }

    void fill_object(const SchemaNode& node, const std::map<std::string, Parts>& keys,
                     JsonSchema::ObjectRule& rule) const {
        const size_t n = node.properties.size();
        std::unordered_map<std::string, uint32_t> places;
        for (const SchemaProperty& property : node.properties) {
            places.emplace(spelled(property.name), static_cast<uint32_t>(places.size()));
            rule.n_deep.push_back(depths_.values[property.value]);
        }
        rule.slots.resize(n);
        for (const auto& [text, parts] : keys) {
            const auto own = places.find(text);
            rule.places.push_back(own == places.end() ? JsonSchema::kNone : own->second);
            if (own != places.end()) {
                rule.slots[own->second] = static_cast<uint32_t>(rule.places.size() - 1);
            }
        }
        rule.required.assign(n + 1, static_cast<uint32_t>(n));
        for (size_t i = n; i-- > 0;) {
            rule.required[i] =
                node.properties[i].required ? static_cast<uint32_t>(i) : rule.required[i + 1];
        }
        if (node.additional == kNoValue) return;
        rule.n_deep_other = depths_.values[node.additional];
        rule.is_open = rule.n_deep_other != kNeverEnds;
    }

    const SchemaNodes in_;
    const SchemaDepths depths_;
    const std::shared_ptr<JsonSchema> out_ = std::make_shared<JsonSchema>();
    std::vector<Source> sources_;                      // by set
    std::map<std::vector<uint32_t>, uint32_t> known_;  // sets by nodes
    size_t n_keys_ = 0;
};

Result<std::shared_ptr<const JsonSchema>> JsonSchema::compile(std::string_view schema) {
    auto nodes = read_schema(schema);
    if (!nodes) return tl::unexpected(nodes.error());
    return SchemaCompiler(std::move(*nodes)).compile();
}

}  // namespace engine
