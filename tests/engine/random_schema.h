#pragma once
// Schemas of the subset that answers can be held to, and values that fit them.
#include <optional>
#include <random>

#include "tests/engine/schema_validator.h"

namespace engine {

class RandomSchema {
public:
    explicit RandomSchema(std::mt19937& random) : random_(random) {}

    // Some refer to themselves, some fit no value that ends.
    OrderedJson make() {
        n_defs_ = random_() % 3;
        OrderedJson root = one_in(5) ? schema(3) : object(3);
        if (n_defs_ == 0) return root;
        OrderedJson defs;
        for (size_t i = 0; i < n_defs_; ++i) defs["d" + std::to_string(i)] = schema(2);
        root["$defs"] = defs;
        return root;
    }

private:
    bool one_in(unsigned n) { return random_() % n == 0; }
    std::string name() {
        static const char* const kNames[] = {"a", "b", "ab", "abc", "caf\u00e9", "q\"q", "a b", ""};
        return kNames[random_() % std::size(kNames)];
    }

    OrderedJson schema(int n_deep) {
        switch (random_() % (n_deep > 0 ? 12 : 5)) {
            case 0:
                return {{"type", "string"}};
            case 1:
                return {{"type", one_in(2) ? "integer" : "number"}};
            case 2:
                return {{"type", one_in(2) ? "boolean" : "null"}};
            case 3:
                return literals();
            case 4:
                if (n_defs_ == 0) return {{"type", OrderedJson{"string", "null"}}};
                return {
                    {"$ref", one_in(4) ? "#" : "#/$defs/d" + std::to_string(random_() % n_defs_)}};
            case 5:
            case 6:
                return array(n_deep);
            case 7:
            case 8:
            case 9:
                return any_of(n_deep);
            default:
                return object(n_deep);
        }
    }

    OrderedJson literals() {
        static const OrderedJson kValues = {"a",  "ab", "c\nd",  "\u6c34", 1,    12,
                                            -1.5, true, nullptr, "",       "x<y"};
        if (one_in(4)) return {{"const", kValues[random_() % kValues.size()]}};
        OrderedJson list = OrderedJson::array();
        for (size_t n = 1 + random_() % 4; n > 0; --n) {
            list.push_back(kValues[random_() % kValues.size()]);
        }
        return {{"enum", list}};
    }

    OrderedJson array(int n_deep) {
        OrderedJson out = {{"type", "array"}};
        if (!one_in(6)) out["items"] = schema(n_deep - 1);
        if (one_in(3)) out["minItems"] = random_() % 3;
        if (one_in(3)) out["maxItems"] = 2 + random_() % 2;
        return out;
    }

    OrderedJson any_of(int n_deep) {
        OrderedJson list = OrderedJson::array();
        for (size_t n = 1 + random_() % 4; n > 0; --n) list.push_back(schema(n_deep - 1));
        return {{"anyOf", list}};
    }

    OrderedJson object(int n_deep) {
        OrderedJson out = {{"type", "object"}};
        OrderedJson properties = OrderedJson::object();
        OrderedJson required = OrderedJson::array();
        for (size_t n = random_() % 4; n > 0; --n) {
            const std::string key = name();
            if (properties.contains(key)) continue;
            properties[key] = schema(n_deep - 1);
            if (!one_in(3)) required.push_back(key);
        }
        if (!one_in(8)) out["properties"] = properties;
        out["required"] = out.contains("properties") ? required : OrderedJson::array();
        if (one_in(3)) out["additionalProperties"] = one_in(2) ? OrderedJson(true) : schema(0);
        if (one_in(3)) out["additionalProperties"] = false;
        return out;
    }

    std::mt19937& random_;
    size_t n_defs_ = 0;
};

}  // namespace engine
