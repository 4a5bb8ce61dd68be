#include "gateway/api/json_document.h"

#include <algorithm>

#include "gateway/api/json_fault.h"
#include "gateway/api/json_walk.h"

namespace gateway {

namespace {

// What a thread's parser may keep.
constexpr size_t kBodyBytesKept = 1 << 20;
// Below this the parser's memory is small whatever the body holds.
constexpr size_t kBodyBytesUnscanned = 1 << 20;
constexpr size_t kStringBytesMax = 16 << 20;
// Walks are recursive: a config cannot ask for more.
constexpr int64_t kDepthMax = 512;

size_t depth_max(const config::Limits& limits) {
    return static_cast<size_t>(std::clamp<int64_t>(limits.json_depth_max, 1, kDepthMax));
}

ApiError not_json(const JsonFault& fault) {
    return bad_request(
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
        "using your "
        "HTTP library correctly. The API expects a JSON payload, but what was sent was not valid "
        "JSON.) The "
        "fault is at byte " +
        std::to_string(fault.at) + ": " + std::string(fault.what) + ".");
}

ApiError not_an_object(simdjson::dom::element root) {
    return bad_request("Invalid type for the request body: expected an object, but got " +
                           std::string(type_word(root)) + " instead.",
                       std::nullopt, "invalid_type");
}

size_t skip_string(std::string_view text, size_t at) {
    for (++at;; ++at) {
        at = text.find('"', at);
        if (at == text.npos) return text.size();
        size_t n_backslashes = 0;
        while (text[at - 1 - n_backslashes] == '\\') ++n_backslashes;  // stops at the opening quote
        if (n_backslashes % 2 == 0) return at + 1;
    }
}

// Hops from backslash to backslash: most texts have few.
bool has_unicode_escapes(std::string_view text) {
    for (size_t at = text.find('\\'); at != text.npos; at = text.find('\\', at + 1))
        if (text.substr(at + 1, 1) == "u") return true;
    return false;
}

// Refuses, before the parser makes memory for it, a large body of very many small things.
Fault scan_structure(std::string_view text, const config::Limits& limits) {
    int64_t n_colons = 0, n_commas = 0;
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '"') {
            const size_t end = skip_string(text, at);
            if (end - at > kStringBytesMax)
                return bad_request("The JSON body holds a string of more than " +
                                       std::to_string(kStringBytesMax) + " bytes, at byte " +
                                       std::to_string(at) + ".",
                                   std::nullopt, "json_string_too_long");
            at = end;
            continue;
        }
        n_colons += c == ':';
        n_commas += c == ',';
        if (n_colons > limits.n_json_members_max || n_commas > 2 * limits.n_json_members_max)
            return too_many_members(limits);
        ++at;
    }
    return {};
}

}  // namespace

std::string_view type_word(simdjson::dom::element value) {
    using Type = simdjson::dom::element_type;
    switch (value.type()) {
        case Type::ARRAY:
            return "an array";
        case Type::OBJECT:
            return "an object";
        case Type::INT64:
        case Type::UINT64:
            return "an integer";
        case Type::DOUBLE:
            return "a decimal number";
        case Type::STRING:
            return "a string";
        case Type::BOOL:
            return "a boolean";
        case Type::NULL_VALUE:
            break;
    }
    return "null";
}

Fault JsonDocument::parse(std::string& body, const config::Limits& limits) {
    if (body.size() > kBodyBytesUnscanned)
        if (auto fault = scan_structure(body, limits)) return fault;
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    const size_t n_levels = depth_max(limits);
    // One level more than is allowed, so that the walk below is what refuses.
    simdjson::error_code code =
        parser_.allocate(std::max(parser_.capacity(), body.size()), n_levels + 2);
    simdjson::dom::element root;
    if (!code) code = parser_.parse(body.data(), body.size(), false).get(root);
    if (code == simdjson::MEMALLOC) return overloaded();
    if (code == simdjson::DEPTH_ERROR) return too_deep(limits);
    if (code) {
        const auto fault = find_json_fault(body, n_levels);
        if (fault && fault->is_depth) return too_deep(limits);
        return not_json(fault ? *fault : JsonFault{0, simdjson::error_message(code)});
    }
    WalkOptions options;
    options.n_levels_max = n_levels;
    options.has_unicode_escapes = has_unicode_escapes(body);
    if (auto fault = walk_document(root, limits, options)) {
        // Only the scanner knows where a lone surrogate stands.
        if (fault->code != kLoneSurrogate) return fault;
        const auto where = find_json_fault(body, n_levels + 2);
        return where ? not_json(*where) : *fault;
    }
    if (root.get(root_)) return not_an_object(root);
    return {};
}

Fault JsonDocument::parse_again(std::string_view body) {
    simdjson::dom::element root;
    // No padding is promised here: the parser copies.
    if (parser_.parse(body.data(), body.size(), true).get(root) || root.get(root_))
        return internal_error();
    return {};
}

std::vector<BodyMember> JsonDocument::members(std::string_view body) const {
    // The parser's index of tokens: braces, colons, commas, and where each scalar begins.
    const uint32_t* const tokens = parser_.implementation->structural_indexes.get();
    const size_t n_tokens = parser_.implementation->n_structural_indexes;
    std::vector<BodyMember> members;
    members.reserve(root_.size());
    size_t token = 1;  // behind the opening brace
    for (const auto field : root_) {
        BodyMember member;
        member.key = field.key;
        member.key_begin = tokens[token];
        token += 2;  // the name and the colon
        member.value_begin = tokens[token];
        for (int depth = 0; token < n_tokens; ++token) {
            const char c = body[tokens[token]];
            if (c == '{' || c == '[') ++depth;
            if (depth == 0 && (c == ',' || c == '}')) break;
            if (c == '}' || c == ']') --depth;
        }
        size_t end = tokens[token];
        while (std::string_view(" \t\n\r").find(body[end - 1]) != std::string_view::npos) --end;
        member.value_end = end;
        ++token;  // the comma, or the closing brace
        members.push_back(std::move(member));
    }
    return members;
}

void JsonDocument::shrink() {
    if (parser_.capacity() > kBodyBytesKept) parser_ = simdjson::dom::parser();
}

}  // namespace gateway
