#include "engine/chat/segment.h"

namespace engine {

std::string_view to_string(Control control) {
    switch (control) {
        case Control::bos:
            return "<｜begin▁of▁sentence｜>";
        case Control::eos:
            return "<｜end▁of▁sentence｜>";
        case Control::user:
            return "<｜User｜>";
        case Control::assistant:
            return "<｜Assistant｜>";
        case Control::think_begin:
            return "<think>";
        case Control::think_end:
            return "</think>";
        case Control::dsml:
            return "｜DSML｜";
        case Control::latest_reminder:
            return "<｜latest_reminder｜>";
        case Control::action:
            return "<｜action｜>";
        case Control::query:
            return "<｜query｜>";
        case Control::authority:
            return "<｜authority｜>";
        case Control::domain:
            return "<｜domain｜>";
        case Control::title:
            return "<｜title｜>";
        case Control::read_url:
            return "<｜read_url｜>";
    }
    return {};
}

void SegmentWriter::put(std::string_view text) {
    if (text.empty()) return;
    const bool opens =
        segments_.empty() || segments_.back().control || !segments_.back().tokens.empty();
    if (opens) segments_.push_back({});
    segments_.back().text += text;
}

void SegmentWriter::put_written(std::string text, std::vector<int32_t> tokens) {
    if (!tokens.empty()) segments_.push_back({{}, std::move(text), std::move(tokens)});
}

std::string text_of(const std::vector<Segment>& segments) {
    std::string text;
    for (const Segment& segment : segments) {
        text += segment.control ? to_string(*segment.control) : std::string_view(segment.text);
    }
    return text;
}

}  // namespace engine
