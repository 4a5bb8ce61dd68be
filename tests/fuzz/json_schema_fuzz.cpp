// Any schema is refused in one line or compiles; then any walk along what it allows goes on until
// its value is whole, and that value is JSON. A line end parts the schema from the walk's choices.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "config/ensure.h"
#include "engine/schema/schema_machine.h"
#include "engine/tokenizer/utf8.h"

namespace {

using namespace engine;

// What the machine goes on with; what ends a value first.
std::string next(const SchemaMachine& machine) {
    std::string out;
    for (const char byte : std::string_view("}]\"n0tf,:[{")) {
        SchemaMachine ahead = machine;
        if (ahead.push(static_cast<uint8_t>(byte))) out += byte;
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
        SchemaMachine ahead = machine;
        if (ahead.push(static_cast<uint8_t>(byte))) out += static_cast<char>(byte);
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const size_t end = std::min(input.rfind('\n'), input.size());
    const auto schema = JsonSchema::compile(input.substr(0, end));
    if (!schema) {
        ENSURE(!schema.error().detail.empty());
        ENSURE(schema.error().detail.find('\n') == std::string::npos);
        return 0;
    }
    SchemaMachine machine(**schema);
    std::string text;
    for (const char choice : input.substr(end)) {
        const std::string bytes = next(machine);
        if (bytes.empty()) break;
        text += bytes[static_cast<uint8_t>(choice) % bytes.size()];
        ENSURE(machine.push(static_cast<uint8_t>(text.back())));
    }
    // What closes comes first; a schema may still ask for more than is worth waiting for.
    for (int n = 0; n < 2'000 && !machine.complete(); ++n) {
        const std::string bytes = next(machine);
        ENSURE(!bytes.empty());
        text += bytes.front();
        ENSURE(machine.push(static_cast<uint8_t>(text.back())));
    }
    ENSURE(!machine.complete() || nlohmann::json::accept(repair_utf8(text)));
    return 0;
}
