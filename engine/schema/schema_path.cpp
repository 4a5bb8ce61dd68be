#include "engine/schema/schema_path.h"

#include <algorithm>

#include "engine/tokenizer/utf8.h"

namespace engine {
namespace {

constexpr size_t kStepsMax = 16;
constexpr size_t kNameBytesMax = 64;

}  // namespace

SchemaPath path_of(const SchemaNodes& schema, uint32_t value) {
    SchemaPath path;
    for (; value != kNoValue; value = schema.origins[value].parent) {
        const auto& steps = schema.origins[value].steps;
        path.insert(path.begin(), steps.begin(), steps.end());
    }
    return path;
}

std::string quoted_name(std::string_view text) {
    size_t end = 0;
    while (end < text.size() && end < kNameBytesMax) end += next_utf8(text.substr(end)).n_bytes;
    std::string name(text.substr(0, end));
    std::replace_if(
        name.begin(), name.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20; }, ' ');
    return "'" + name + (end < text.size() ? "...'" : "'");
}

tl::unexpected<Error> refuse_schema(const SchemaPath& path, const std::string& what) {
    std::string detail = "In context=(";
    for (size_t i = 0; i < path.size() && i < kStepsMax; ++i) {
        detail += (i > 0 ? ", " : "") + quoted_name(path[i]);
    }
    if (path.size() > kStepsMax) detail += ", ...";
    if (path.size() == 1) detail += ',';
    return tl::unexpected(Error{Errc::schema_unsupported, detail + "), " + what});
}

}  // namespace engine
