#pragma once
// The members that are the same in every chunk of a stream: each is held to what the first chunk
// that has it says. Some upstreams count `created` up, or name each chunk anew.
#include <simdjson.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "gateway/upstream/body_edit.h"

namespace gateway {

class ConstantMembers {
public:
    // Adds what of the chunk must read differently.
    void hold(const simdjson::dom::object& chunk, std::vector<BodyEdit>& edits);

private:
    // As the first chunk has it. Text and number spare the usual chunk from being written out.
    struct Said {
        std::optional<std::string> text;
        std::optional<int64_t> number;
        std::string json;  // empty: not said yet
    };
    static bool is(const Said& said, const simdjson::dom::element& value);

    std::array<Said, 5> said_;
};

}  // namespace gateway
