#include "gateway/upstream/leaked_calls.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gateway {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view kDsmlClose = "</｜DSML｜";
constexpr std::string_view kInvoke = "invoke name=\"";
constexpr std::string_view kParameter = "parameter name=\"";

// Takes what stands at the front and moves behind it.
class Cursor {
public:
    explicit Cursor(std::string_view text) : rest_(text) {}

    bool at(std::string_view word) const { return rest_.starts_with(word); }
    bool take(std::string_view word) {
        if (!at(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    // All up to `word`, which is taken too. False: it does not come any more.
    bool take_until(std::string_view word, std::string_view& before) {
        const size_t end = rest_.find(word);
        if (end == rest_.npos) return false;
        before = rest_.substr(0, end);
        rest_.remove_prefix(end + word.size());
        return true;
    }
    // Moves to the next tag. False: there is none.
    bool to_tag() {
        const size_t tag = std::min(rest_.find(kDsmlOpen), rest_.find(kDsmlClose));
        if (tag == rest_.npos) return false;
        rest_.remove_prefix(tag);
        return true;
    }
    // An opening tag whose text goes on like that.
    bool take_open(std::string_view word) {
        const Cursor before = *this;
        if (take(kDsmlOpen)) {
            take(" ");
            if (take(word)) return true;
        }
        *this = before;
        return false;
    }

private:
    std::string_view rest_;
};

json value_of_parameter(std::string_view kind, std::string_view text) {
    if (kind.find("false") == kind.npos) return std::string(text);
    json value = json::parse(text, nullptr, false);
    return value.is_discarded() ? json(std::string(text)) : value;
}

// Some write all arguments as one.
json unwrapped(json arguments) {
    if (arguments.size() != 1 || !arguments.contains("arguments")) return arguments;
    json inner = arguments["arguments"];
    if (inner.is_string()) inner = json::parse(inner.get_ref<const std::string&>(), nullptr, false);
    return inner.is_object() ? inner : arguments;
}

// What follows `invoke name="`. False: the call does not close.
bool read_call(Cursor& cursor, LeakedCall& call) {
    std::string_view name, ignored;
    if (!cursor.take_until("\"", name) || !cursor.take_until(">", ignored)) return false;
    call.name = name;
    json arguments = json::object();
    while (cursor.to_tag()) {
        if (cursor.take(kDsmlClose)) {
            cursor.take_until(">", ignored);
            call.arguments = unwrapped(std::move(arguments))
                                 .dump(-1, ' ', false, json::error_handler_t::replace);
            return true;
        }
        std::string_view key, kind, value;
        if (!cursor.take_open(kParameter)) return false;  // another call begins
        const bool is_whole = cursor.take_until("\"", key) && cursor.take_until(">", kind) &&
                              cursor.take_until(kDsmlClose, value) &&
                              cursor.take_until(">", ignored);
        if (!is_whole) return false;
        arguments[std::string(key)] = value_of_parameter(kind, value);
    }
    return false;
}

}  // namespace

LeakedBlock read_leaked_calls(std::string_view text, std::span<const std::string> tools) {
    LeakedBlock block;
    Cursor cursor(text);
    while (cursor.to_tag()) {
        if (!cursor.take_open(kInvoke)) {
            if (!cursor.take(kDsmlOpen)) cursor.take(kDsmlClose);
            continue;
        }
        LeakedCall call;
        const bool closes = read_call(cursor, call);
        if (std::ranges::find(tools, call.name) == tools.end()) continue;
        if (closes)
            block.calls.push_back(std::move(call));
        else
            block.has_open_call = true;
    }
    return block;
}

}  // namespace gateway
