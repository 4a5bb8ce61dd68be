#pragma once
// A prompt in parts: control tokens that the encoding writes, and between them text that is never
// searched for control tokens.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class Control : uint8_t {
    bos,
    eos,
    user,
    assistant,
    think_begin,
    think_end,
    dsml,
    latest_reminder,
    action,
    query,
    authority,
    domain,
    title,
    read_url,
};
inline constexpr size_t kControlCount = 14;
// Plain chat needs these, a tokenizer may lack the rest.
inline constexpr size_t kControlsNeeded = 6;
// The content of its added token.
std::string_view to_string(Control control);

struct Segment {
    std::optional<Control> control;
    std::string text{};             // if it is no control
    std::vector<int32_t> tokens{};  // of `text`, where a model wrote it, controls included
};

// Collects a prompt. Neighbouring texts become one segment, as their tokens may span the border.
class SegmentWriter {
public:
    void put(Control control) { segments_.push_back({control, {}}); }
    void put(std::string_view text);
    // What a model wrote once, as tokens; `text` is what they spell.
    void put_written(std::string text, std::vector<int32_t> tokens);
    // A tag's opening or closing up to its name: "<" or "</", then the DSML token.
    void open_tag() { put("<"), put(Control::dsml); }
    void close_tag() { put("</"), put(Control::dsml); }
    std::vector<Segment> take() { return std::move(segments_); }

private:
    std::vector<Segment> segments_;
};

std::string text_of(const std::vector<Segment>& segments);

}  // namespace engine
