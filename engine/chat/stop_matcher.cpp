#include "engine/chat/stop_matcher.h"

#include <algorithm>

#include "engine/tokenizer/utf8.h"

namespace engine {

StopMatcher::StopMatcher(const std::vector<std::string>& stops) {
    for (const std::string& text : stops) {
        if (text.empty() || !is_utf8(text)) continue;
        Stop stop{text, std::vector<uint32_t>(text.size() + 1), 0};
        size_t border = 0;
        for (size_t n = 2; n <= text.size(); ++n) {
            while (border > 0 && text[border] != text[n - 1]) border = stop.border[border];
            if (text[border] == text[n - 1]) ++border;
            stop.border[n] = static_cast<uint32_t>(border);
        }
        stops_.push_back(std::move(stop));
    }
}

bool StopMatcher::advance(Stop& stop, char next) {
    while (stop.n_matched > 0 && stop.text[stop.n_matched] != next) {
        stop.n_matched = stop.border[stop.n_matched];
    }
    if (stop.text[stop.n_matched] == next) ++stop.n_matched;
    return stop.n_matched == stop.text.size();
}

bool StopMatcher::push(std::string_view text, std::string& out) {
    for (size_t i = 0; i < text.size(); ++i) {
        size_t n_found = 0;
        for (Stop& stop : stops_) {
            if (advance(stop, text[i])) n_found = std::max(n_found, stop.text.size());
        }
        if (n_found > 0) {
            held_ += text.substr(0, i + 1);
            out += std::string_view(held_).substr(0, held_.size() - n_found);
            held_.clear();
            return true;
        }
    }
    held_ += text;
    size_t n_kept = 0;
    for (const Stop& stop : stops_) n_kept = std::max(n_kept, stop.n_matched);
    out += std::string_view(held_).substr(0, held_.size() - n_kept);
    held_.erase(0, held_.size() - n_kept);
    return false;
}

void StopMatcher::finish(std::string& out) {
    out += held_;
    held_.clear();
}

}  // namespace engine
