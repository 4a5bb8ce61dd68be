#include "gateway/upstream/constant_members.h"

#include <string_view>

namespace gateway {

namespace {

constexpr std::array<std::string_view, 5> kNames = {"id", "created", "model", "service_tier",
                                                    "system_fingerprint"};

}  // namespace

void ConstantMembers::hold(const simdjson::dom::object& chunk, std::vector<BodyEdit>& edits) {
    for (size_t i = 0; i < kNames.size(); ++i) {
        Said& said = said_[i];
        simdjson::dom::element value;
        if (chunk[kNames[i]].get(value)) continue;
        if (said.json.empty()) {
            std::string_view text;
            int64_t number = 0;
            if (!value.get(text)) said.text = text;
            if (!value.get(number)) said.number = number;
            said.json = simdjson::minify(value);
        } else if (!is(said, value)) {
            edits.push_back({kNames[i], said.json});
        }
    }
}

bool ConstantMembers::is(const Said& said, const simdjson::dom::element& value) {
    std::string_view text;
    int64_t number = 0;
    if (!value.get(text)) return said.text == text;
    if (!value.get(number)) return said.number == number;
    return said.json == std::string(simdjson::minify(value));
}

}  // namespace gateway
