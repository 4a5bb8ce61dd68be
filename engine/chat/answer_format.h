#pragma once
// What the content of an answer is held to, and where it stands in it.
#include <memory>
#include <string_view>

#include "engine/engine.h"
#include "engine/schema/schema_machine.h"

namespace engine {

// Of a response_format of type json_object, which is any object, or json_schema. A schema is held
// whether it says `strict` or not: who sends one wants it to fit. Errors: those of
// JsonSchema::compile(), with the format's name; prompt_invalid for another type.
Result<std::shared_ptr<const JsonSchema>> answer_format(std::string_view response_format);

// Content that is one value of a schema, or, where calls may come instead, what stands in front of
// their block: two line ends and a <, before any other content.
class FormatMachine {
public:
    struct Place {
        bool began = false;  // the value
        uint8_t n_lead = 0;  // bytes of what stands in front of a block
        SchemaMachine value;
    };

    FormatMachine(std::shared_ptr<const JsonSchema> schema, bool may_call);

    // False: no content goes on like that. Place and machine are of no use afterwards.
    bool advance(Place& place, uint8_t byte) const;
    bool push(uint8_t byte) { return advance(place_, byte); }

    const Place& place() const { return place_; }
    static JsonText text(const Place& place) { return place.value.text(); }
    bool complete() const { return place_.began && place_.value.complete(); }
    bool takes_dsml() const;

private:
    std::shared_ptr<const JsonSchema> schema_;
    bool may_call_;
    Place place_;
};

}  // namespace engine
