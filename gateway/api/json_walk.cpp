#include "gateway/api/json_walk.h"

#include <algorithm>
#include <vector>

namespace gateway {

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// The parser takes half a surrogate pair and writes it as three bytes, ED A0..BF xx: the one thing
// in its strings that is not UTF-8, as the body itself was.
bool has_surrogate(std::string_view text) {
    for (size_t at = text.find('\xED'); at != text.npos; at = text.find('\xED', at + 1))
        if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) return true;
    return false;
}

ApiError duplicate_member(const JsonPlace& place) {
    const std::string path = place.text();
    return bad_request("Duplicate parameter: '" + path + "' is given more than once.", path,
                       "duplicate_parameter");
}

class Walk {
public:
    Walk(const config::Limits& limits, const WalkOptions& options)
        : limits_(limits), options_(options) {}

    Fault visit(element value, size_t depth, const JsonPlace& place) {
        switch (value.type()) {
            case element_type::OBJECT:
                return depth < options_.n_levels_max ? object(value, depth + 1, place)
                                                     : too_deep(limits_);
            case element_type::ARRAY:
                return depth < options_.n_levels_max ? array(value, depth + 1, place)
                                                     : too_deep(limits_);
            case element_type::STRING:
                return string(value.get_string().value_unsafe());
            case element_type::INT64:
            case element_type::UINT64:
            case element_type::DOUBLE:
            case element_type::BOOL:
            case element_type::NULL_VALUE:
                break;
        }
        return {};
    }

private:
    // Up to so many names a new one is held against each; above, they are sorted at the end.
    static constexpr size_t kNamesCompared = 16;

    Fault object(element value, size_t depth, const JsonPlace& place) {
        const size_t begin = names_.size();
        const simdjson::dom::object fields = value.get_object().value_unsafe();
        for (const auto [name, member] : fields) {
            if (++n_members_ > limits_.n_json_members_max) return too_many_members(limits_);
            const JsonPlace here(place, name);
            if (auto fault = string(name)) return fault;
            if (names_.size() - begin < kNamesCompared &&
                std::find(names_.begin() + static_cast<ptrdiff_t>(begin), names_.end(), name) !=
                    names_.end())
                return duplicate_member(here);
            names_.push_back(name);
            if (auto fault = visit(member, depth, here)) return fault;
        }
        if (names_.size() - begin > kNamesCompared) {
            const auto first = names_.begin() + static_cast<ptrdiff_t>(begin);
            std::sort(first, names_.end());
            const auto twice = std::adjacent_find(first, names_.end());
            if (twice != names_.end()) return duplicate_member(JsonPlace(place, *twice));
        }
        names_.resize(begin);
        return {};
    }

    Fault array(element value, size_t depth, const JsonPlace& place) {
        size_t index = 0;
        const simdjson::dom::array items = value.get_array().value_unsafe();
        for (const element item : items) {
            if (++n_elements_ > limits_.n_json_members_max) return too_many_members(limits_);
            if (auto fault = visit(item, depth, JsonPlace(place, index++))) return fault;
        }
        return {};
    }

    Fault string(std::string_view text) const {
        if (!options_.has_unicode_escapes || !has_surrogate(text)) return {};
        return bad_request("The JSON body holds half of a surrogate pair.", std::nullopt,
                           std::string(kLoneSurrogate));
    }

    const config::Limits& limits_;
    const WalkOptions options_;
    int64_t n_members_ = 0, n_elements_ = 0;
    std::vector<std::string_view> names_;  // of the objects that are open, outermost first
};

}  // namespace

Fault walk_document(element root, const config::Limits& limits, const WalkOptions& options) {
    return Walk(limits, options).visit(root, 0, JsonPlace());
}

ApiError too_deep(const config::Limits& limits) {
    return bad_request("The JSON body is nested more than " +
                           std::to_string(limits.json_depth_max) + " levels deep.",
                       std::nullopt, "json_too_deep");
}

ApiError too_many_members(const config::Limits& limits) {
    return bad_request("The JSON body holds more than " +
                           std::to_string(limits.n_json_members_max) +
                           " members in objects, or as many elements in arrays.",
                       std::nullopt, "json_too_many_members");
}

}  // namespace gateway
