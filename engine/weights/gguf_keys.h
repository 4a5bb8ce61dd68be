#pragma once
// Typed access to a GGUF file's keys, "deepseek4." in front of a model's own. Private to the
// reader.
#include <optional>
#include <string>
#include <string_view>

#include "engine/weights/gguf.h"
#include "engine/weights/gguf_cursor.h"
#include "engine/weights/json_strict.h"

namespace engine {

class GgufKeys {
public:
    explicit GgufKeys(const GgufFile& file) : keys_(file.keys) {}

    // Nothing where the key is missing. A value of another type is refused.
    std::optional<int64_t> whole(const std::string& key) const { return get<int64_t>(key); }
    std::optional<double> real(const std::string& key) const {
        const GgufValue* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (const auto* n = std::get_if<int64_t>(value)) return static_cast<double>(*n);
        return get<double>(key);
    }
    std::optional<bool> flag(const std::string& key) const { return get<bool>(key); }
    std::optional<std::string_view> text(const std::string& key) const {
        return get<std::string_view>(key);
    }
    const GgufArray* array(const std::string& key) const {
        const GgufValue* value = find(key);
        if (value == nullptr) return nullptr;
        const auto* list = std::get_if<GgufArray>(value);
        if (list == nullptr) refuse(key, "is no array");
        return list;
    }
    const GgufValue* find(const std::string& key) const {
        const auto found = keys_.find(key);
        return found == keys_.end() ? nullptr : &found->second;
    }

    [[noreturn]] static void refuse(const std::string& key, const std::string& what,
                                    Errc code = Errc::file_broken) {
        throw GgufRefusal{code, "key " + in_quotes(key) + " " + what};
    }
    // For what is missing and cannot be derived.
    template <class T>
    static T need(std::optional<T> value, const std::string& key) {
        if (!value) refuse(key, "is missing");
        return *value;
    }

private:
    template <class T>
    std::optional<T> get(const std::string& key) const {
        const GgufValue* value = find(key);
        if (value == nullptr) return std::nullopt;
        const T* typed = std::get_if<T>(value);
        if (typed == nullptr) refuse(key, "has a value of another type");
        return *typed;
    }

    const std::map<std::string_view, GgufValue, std::less<>>& keys_;
};

}  // namespace engine
