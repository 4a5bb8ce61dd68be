#include "engine/weights/json_strict.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace engine {
namespace {

using nlohmann::json;

struct Refused {
    std::string why;
};

// Watches the parser's events. `members_` holds the names seen in each open object; arrays have a
// level too.
class Watcher {
public:
    explicit Watcher(int depth_max) : depth_max_(depth_max) {}

    void operator()(json::parse_event_t event, const json& parsed) {
        using Event = json::parse_event_t;
        if (event == Event::object_start || event == Event::array_start) {
            if (static_cast<int>(members_.size()) == depth_max_) {
                throw Refused{"nested deeper than " + std::to_string(depth_max_)};
            }
            members_.emplace_back();
        } else if (event == Event::object_end || event == Event::array_end) {
            members_.pop_back();
        } else if (event == Event::key) {
            const auto& name = parsed.get_ref<const std::string&>();
            if (!members_.back().insert(name).second) {
                throw Refused{"member " + in_quotes(name) + " stands twice"};
            }
        }
    }

private:
    int depth_max_;
    std::vector<std::set<std::string>> members_;
};

// nlohmann's text without its "[json.exception...] " in front.
std::string plain_reason(const json::exception& error) {
    std::string text = error.what();
    if (const auto end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
    for (char& c : text) {
        if (c < 0x20 || c > 0x7e) c = '?';
    }
    constexpr size_t kLengthMax = 200;
    if (text.size() > kLengthMax) text.resize(kLengthMax);
    return text;
}

}  // namespace

tl::expected<json, std::string> parse_json_strict(std::string_view text, int depth_max) {
    Watcher watcher(depth_max);
    const json::parser_callback_t callback = [&](int, json::parse_event_t event, json& parsed) {
        watcher(event, parsed);
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), callback);
    } catch (const Refused& refused) {
        return tl::unexpected(refused.why);
    } catch (const json::exception& error) {
        return tl::unexpected(plain_reason(error));
    }
}

std::string in_quotes(std::string_view text) {
    constexpr size_t kLengthMax = 120;
    constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text.substr(0, kLengthMax)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\') {
            out += c;
        } else {
            out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
        }
    }
    return out += text.size() > kLengthMax ? "...\"" : "\"";
}

}  // namespace engine
