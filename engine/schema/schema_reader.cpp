#include "engine/schema/schema_reader.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "engine/schema/schema_path.h"
#include "engine/schema/schema_words.h"

namespace engine {
namespace {

using Kind = JsonCursor::Kind;
using Form = SchemaNode::Form;

class Reader {
public:
    Reader(const JsonTree& root, const SchemaLimits& limits) : root_(root), limits_(limits) {}

    Result<SchemaNodes> read() {
        out_.root = target(root_, {});
        while (!waiting_.empty()) {
            const Target next = waiting_.front();
            waiting_.pop_front();
            path_ = out_.origins[next.value].steps;
            reading_ = next.value;
            if (auto done = schema(*next.tree, next.value); !done)
                return tl::unexpected(done.error());
        }
        flatten();
        return std::move(out_);
    }

private:
    using Done = Result<void>;
    struct Target {
        const JsonTree* tree;
        uint32_t value;
    };
    // What a value may be, before references are followed.
    struct Draft {
        std::vector<uint32_t> nodes;
        std::vector<uint32_t> values;  // or anything that these may be
    };

    tl::unexpected<Error> refuse(const std::string& what) const {
        return refuse_schema(path_, what);
    }

    uint32_t new_value(SchemaOrigin origin) {
        drafts_.emplace_back();
        out_.origins.push_back(std::move(origin));
        return static_cast<uint32_t>(drafts_.size() - 1);
    }
    void add_node(uint32_t value, SchemaNode node) {
        drafts_[value].nodes.push_back(static_cast<uint32_t>(out_.nodes.size()));
        out_.nodes.push_back(std::move(node));
    }
    void add_scalar(uint32_t value, uint8_t kinds) {
        if (kinds == 0) return;
        auto [found, is_new] = scalars_.try_emplace(kinds, out_.nodes.size());
        if (is_new) out_.nodes.push_back({Form::scalar, kinds});
        drafts_[value].nodes.push_back(static_cast<uint32_t>(found->second));
    }

    // A schema that others refer to, read in its turn: chains of them are as long as they like.
    uint32_t target(const JsonTree& tree, SchemaPath path) {
        const auto known = targets_.find(&tree);
        if (known != targets_.end()) return known->second;
        const uint32_t value = new_value({kNoValue, std::move(path)});
        targets_.emplace(&tree, value);
        waiting_.push_back({&tree, value});
        return value;
    }

    uint32_t any_value() {
        if (any_ != kNoValue) return any_;
        any_ = new_value({});
        add_scalar(any_, kScalarKinds);
        SchemaNode array{Form::array}, object{Form::object};
        array.items = any_;
        object.additional = any_;
        add_node(any_, std::move(array));
        add_node(any_, std::move(object));
        return any_;
    }

    // The value of a schema that stands further in.
    Result<uint32_t> below(std::initializer_list<std::string_view> steps, const JsonTree& tree) {
        if (tree.is(Kind::boolean) && tree.is_true) return any_value();
        const size_t n_before = path_.size();
        if (n_deep_ == limits_.n_deep) {
            return refuse("the schema is nested more than " + std::to_string(limits_.n_deep) +
                          " levels deep.");
        }
        for (const std::string_view step : steps) path_.emplace_back(step);
        const uint32_t parent = reading_;
        const uint32_t value = reading_ = new_value(
            {parent, {path_.begin() + static_cast<std::ptrdiff_t>(n_before), path_.end()}});
        ++n_deep_;
        if (auto done = schema(tree, value); !done) return tl::unexpected(done.error());
        --n_deep_;
        reading_ = parent;
        path_.resize(n_before);
        return value;
    }

    Done schema(const JsonTree& tree, uint32_t value) {
        if (tree.is(Kind::boolean)) {
            if (!tree.is_true) return {};
            const uint32_t any = any_value();
            drafts_[value].values.push_back(any);
            return {};
        }
        if (!tree.is(Kind::object)) return refuse("a schema must be an object.");
        const JsonMember* alone = nullptr;
        const JsonMember* other = nullptr;
        for (const JsonMember& member : tree.members) {
            const SchemaWord word = schema_word(member.name);
            if (word == SchemaWord::silent) continue;
            if (word == SchemaWord::unknown)
                return refuse(quoted_name(member.name) + " is not supported.");
            const JsonMember*& place = word == SchemaWord::alone && !alone ? alone : other;
            place = &member;
        }
        if (!alone) return plain(tree, value);
        if (other) {
            return refuse(quoted_name(other->name) + " is not supported beside '" + alone->name +
                          "'.");
        }
        return alone->name == "$ref" ? reference(alone->value, value) : choice(*alone, value);
    }

    Done choice(const JsonMember& member, uint32_t value) {
        const JsonTree& list = member.value;
        if (!list.is(Kind::array) || list.items.empty()) {
            return refuse("'" + member.name + "' must be an array of schemas.");
        }
        if (member.name == "allOf" && list.items.size() > 1) {
            return refuse("'allOf' of several schemas is not supported.");
        }
        for (size_t i = 0; i < list.items.size(); ++i) {
            auto branch = below({member.name, std::to_string(i)}, list.items[i]);
            if (!branch) return tl::unexpected(branch.error());
            drafts_[value].values.push_back(*branch);
        }
        return {};
    }

    // "#" and JSON pointers behind it.
    Done reference(const JsonTree& tree, uint32_t value) {
        const auto unknown = [&] {
            return refuse("'$ref' " + quoted_name(tree.text) +
                          " is not supported: it must point into the schema.");
        };
        if (!tree.is(Kind::string) || tree.text.empty() || tree.text.front() != '#')
            return unknown();
        std::string_view rest = std::string_view(tree.text).substr(1);
        const JsonTree* at = &root_;
        SchemaPath path;
        while (!rest.empty()) {
            if (rest.front() != '/') return unknown();
            const size_t end = std::min(rest.find('/', 1), rest.size());
            const std::string step = pointer_step(rest.substr(1, end - 1));
            rest.remove_prefix(end);
            at = child(*at, step);
            if (!at) return unknown();
            path.push_back(step);
        }
        const uint32_t referred = target(*at, std::move(path));
        drafts_[value].values.push_back(referred);
        return {};
    }

    static std::string pointer_step(std::string_view text) {
        std::string step;
        for (size_t i = 0; i < text.size(); ++i) {
            const std::string_view two = text.substr(i, 2);
            const bool is_escape = two == "~0" || two == "~1";
            step += is_escape ? (two == "~0" ? '~' : '/') : text[i];
            if (is_escape) ++i;
        }
        return step;
    }

    static const JsonTree* child(const JsonTree& tree, const std::string& step) {
        if (tree.is(Kind::object)) return tree.find(step);
        size_t index = 0;
        const char* const end = step.data() + step.size();
        const auto read = std::from_chars(step.data(), end, index);
        const bool is_item = tree.is(Kind::array) && read.ec == std::errc() && read.ptr == end &&
                             index < tree.items.size();
        return is_item ? &tree.items[index] : nullptr;
    }

    // A schema by types and their keywords, or by a list of values.
    Done plain(const JsonTree& tree, uint32_t value) {
        auto kinds = types(tree);
        if (!kinds) return tl::unexpected(kinds.error());
        if (tree.find("enum") || tree.find("const")) return literals(tree, *kinds, value);
        add_scalar(value, *kinds & kScalarKinds);
        if (*kinds & json_kinds::object) {
            if (auto done = object(tree, value); !done) return done;
        }
        return *kinds & json_kinds::array ? array(tree, value) : Done();
    }

    // Without a type, keywords of objects or arrays tell what is meant.
    Result<uint8_t> types(const JsonTree& tree) const {
        const JsonTree* const given = tree.find("type");
        if (!given) {
            uint8_t implied = 0;
            for (const JsonMember& member : tree.members) {
                const SchemaWord word = schema_word(member.name);
                if (word == SchemaWord::of_objects) implied |= json_kinds::object;
                if (word == SchemaWord::of_arrays) implied |= json_kinds::array;
            }
            const bool has_list = tree.find("enum") || tree.find("const");
            return implied != 0 && !has_list ? implied : json_kinds::any;
        }
        if (!given->is(Kind::string) && !given->is(Kind::array))
            return refuse("'type' must be a string or an array of strings.");
        uint8_t kinds = 0;
        const auto add = [&](const JsonTree& word) {
            const auto kind = word.is(Kind::string) ? kinds_of_type(word.text) : std::nullopt;
            kinds |= kind.value_or(0);
            return kind.has_value();
        };
        const bool known = given->is(Kind::string)
                               ? add(*given)
                               : std::all_of(given->items.begin(), given->items.end(), add);
        if (!known) return refuse("'type' names a type that JSON does not have.");
        return kinds;
    }

    Done literals(const JsonTree& tree, uint8_t kinds, uint32_t value) {
        for (const JsonMember& member : tree.members) {
            const SchemaWord word = schema_word(member.name);
            if (word != SchemaWord::of_objects && word != SchemaWord::of_arrays) continue;
            return refuse("'" + member.name + "' is not supported beside a list of values.");
        }
        const JsonTree* const list = tree.find("enum");
        const JsonTree* const one = tree.find("const");
        if (list && !list->is(Kind::array)) return refuse("'enum' must be an array.");
        std::string only;
        if (one) print_json_tree(*one, only);
        SchemaNode node{Form::literals};
        std::unordered_set<std::string> said;
        const auto add = [&](const JsonTree& item) -> Done {
            if (++n_literals_ > limits_.n_literals) {
                return refuse("the schema lists more than " + std::to_string(limits_.n_literals) +
                              " values.");
            }
            if (is_no_number(item)) return refuse("a value is a number that JSON does not have.");
            std::string text;
            print_json_tree(item, text);
            const bool fits = (kind_of(item) & kinds) != 0 && (!list || !one || text == only);
            if (fits && said.insert(text).second) node.literals.push_back(std::move(text));
            return {};
        };
        if (!list) {
            if (auto done = add(*one); !done) return done;
        } else {
            for (const JsonTree& item : list->items) {
                if (auto done = add(item); !done) return done;
            }
        }
        if (!node.literals.empty()) add_node(value, std::move(node));
        return {};
    }

    Done object(const JsonTree& tree, uint32_t value) {
        SchemaNode node{Form::object};
        const JsonTree* const properties = tree.find("properties");
        const JsonTree* const additional = tree.find("additionalProperties");
        if (properties && !properties->is(Kind::object))
            return refuse("'properties' must be an object.");
        if (additional) {
            auto others = below({"additionalProperties"}, *additional);
            if (!others) return tl::unexpected(others.error());
            const bool is_closed = additional->is(Kind::boolean) && !additional->is_true;
            if (!is_closed) node.additional = *others;
        } else if (!properties) {
            node.additional = any_value();
        }
        std::unordered_set<std::string_view> required;
        if (auto done = required_names(tree, required); !done) return done;
        if (properties) {
            std::unordered_set<std::string_view> said;
            for (const JsonMember& member : properties->members) {
                if (!said.insert(member.name).second)
                    return refuse(quoted_name(member.name) + " is listed twice.");
                if (auto done = count_property(); !done) return done;
                auto read = below({"properties", member.name}, member.value);
                if (!read) return tl::unexpected(read.error());
                node.properties.push_back({member.name, *read, required.erase(member.name) > 0});
            }
        }
        if (!required.empty()) {
            if (auto done = unlisted(*tree.find("required"), required, node); !done) return done;
        }
        add_node(value, std::move(node));
        return {};
    }

    // Names that are required and not listed: `required`, in the order of `names`.
    Done unlisted(const JsonTree& names, std::unordered_set<std::string_view>& required,
                  SchemaNode& node) {
        for (const JsonTree& name : names.items) {
            if (required.erase(name.text) == 0) continue;
            if (node.additional == kNoValue) {
                return refuse("'required' names " + quoted_name(name.text) +
                              ", which is none of the properties.");
            }
            if (auto done = count_property(); !done) return done;
            node.properties.push_back({name.text, node.additional, true});
        }
        return {};
    }

    Done required_names(const JsonTree& tree, std::unordered_set<std::string_view>& out) const {
        const JsonTree* const names = tree.find("required");
        if (!names) return {};
        const auto is_name = [](const JsonTree& name) { return name.is(Kind::string); };
        if (!names->is(Kind::array) ||
            !std::all_of(names->items.begin(), names->items.end(), is_name))
            return refuse("'required' must be an array of strings.");
        for (const JsonTree& name : names->items) out.insert(name.text);
        return {};
    }

    Done count_property() {
        if (++n_properties_ <= limits_.n_properties) return {};
        return refuse("the schema has more than " + std::to_string(limits_.n_properties) +
                      " properties.");
    }

    Done array(const JsonTree& tree, uint32_t value) {
        SchemaNode node{Form::array};
        const JsonTree* const items = tree.find("items");
        if (items && items->is(Kind::array)) return refuse("'items' as a list is not supported.");
        if (items) {
            auto read = below({"items"}, *items);
            if (!read) return tl::unexpected(read.error());
            node.items = *read;
        } else {
            node.items = any_value();
        }
        for (const auto& [name, bound] :
             {std::pair("minItems", &node.n_items_min), std::pair("maxItems", &node.n_items_max)}) {
            const JsonTree* const given = tree.find(name);
            if (!given) continue;
            const char* const end = given->text.data() + given->text.size();
            const auto read = std::from_chars(given->text.data(), end, *bound);
            if (!given->is(Kind::number) || read.ec != std::errc() || read.ptr != end)
                return refuse("'" + std::string(name) +
                              "' must be a whole number that is not negative.");
        }
        add_node(value, std::move(node));
        return {};
    }

    void flatten() {
        out_.values.resize(drafts_.size());
        std::vector<uint32_t> seen(drafts_.size(), kNoValue);  // by whom last
        std::vector<uint32_t> open;
        for (uint32_t value = 0; value < drafts_.size(); ++value) {
            std::vector<uint32_t>& nodes = out_.values[value];
            open = {value};
            seen[value] = value;
            while (!open.empty()) {
                const Draft& draft = drafts_[open.back()];
                open.pop_back();
                nodes.insert(nodes.end(), draft.nodes.begin(), draft.nodes.end());
                for (const uint32_t next : draft.values) {
                    if (std::exchange(seen[next], value) != value) open.push_back(next);
                }
            }
            std::sort(nodes.begin(), nodes.end());
            nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
        }
    }

    const JsonTree& root_;
    const SchemaLimits& limits_;
    SchemaNodes out_;
    SchemaPath path_;              // of the schema that is read
    uint32_t reading_ = kNoValue;  // its value
    size_t n_deep_ = 0, n_properties_ = 0, n_literals_ = 0;
    uint32_t any_ = kNoValue;
    std::vector<Draft> drafts_;  // by value
    std::deque<Target> waiting_;
    std::unordered_map<const JsonTree*, uint32_t> targets_;
    std::unordered_map<uint8_t, size_t> scalars_;  // nodes by kinds
};

}  // namespace

Result<SchemaNodes> read_schema(std::string_view schema, const SchemaLimits& limits) {
    if (schema.size() > limits.n_bytes) {
        return refuse_schema(
            {}, "the schema is larger than " + std::to_string(limits.n_bytes) + " bytes.");
    }
    JsonCursor json(schema);
    JsonTree root;
    if (!read_json_tree(json, root) || !json.done())
        return tl::unexpected(Error{Errc::prompt_invalid, "a schema is no JSON"});
    return Reader(root, limits).read();
}

}  // namespace engine
