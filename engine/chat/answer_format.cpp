#include "engine/chat/answer_format.h"

#include "engine/chat/json_cursor.h"

namespace engine {
namespace {

constexpr std::string_view kLead = "\n\n<";
constexpr std::string_view kAnyObject = R"({"type":"object"})";

struct Format {
    std::string type;
    std::string name;
    std::string_view schema = kAnyObject;
};

bool read_body(JsonCursor& json, Format& out) {
    if (json.next() != JsonCursor::Kind::object) return false;
    return json.object([&](const std::string& key) {
        std::string_view other;
        if (key == "name" && json.next() == JsonCursor::Kind::string) {
            out.name.clear();
            return json.string(out.name);
        }
        return json.skip(key == "schema" ? out.schema : other);
    });
}

bool read_format(std::string_view text, Format& out) {
    JsonCursor json(text);
    if (json.next() != JsonCursor::Kind::object) return false;
    const bool whole = json.object([&](const std::string& key) {
        std::string_view other;
        if (key == "type" && json.next() == JsonCursor::Kind::string) {
            out.type.clear();
            return json.string(out.type);
        }
        return key == "json_schema" ? read_body(json, out) : json.skip(other);
    });
    return whole && json.done() && (out.type == "json_object" || out.type == "json_schema");
}

}  // namespace

Result<std::shared_ptr<const JsonSchema>> answer_format(std::string_view response_format) {
    Format format;
    if (!read_format(response_format, format)) {
        return tl::unexpected(
            Error{Errc::prompt_invalid, "response_format is neither json_object nor json_schema"});
    }
    auto schema = JsonSchema::compile(format.type == "json_object" ? kAnyObject : format.schema);
    if (!schema) schema.error().schema = {std::nullopt, format.name};
    return schema;
}

FormatMachine::FormatMachine(std::shared_ptr<const JsonSchema> schema, bool may_call)
    : schema_(std::move(schema)), may_call_(may_call) {
    place_.value = SchemaMachine(*schema_);
}

bool FormatMachine::advance(Place& place, uint8_t byte) const {
    const bool may_lead = may_call_ && !place.began && place.n_lead < kLead.size();
    if (may_lead && static_cast<uint8_t>(kLead[place.n_lead]) == byte) {
        ++place.n_lead;
        return true;
    }
    if (place.n_lead > 0) return false;
    place.began = true;
    return place.value.push(byte);
}

bool FormatMachine::takes_dsml() const {
    return place_.n_lead == kLead.size();
}

}  // namespace engine
