// An event stream from a stranger: how its bytes are cut in pieces changes nothing, and nothing
// above the limit is kept. The first byte says how large the pieces are.
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "config/ensure.h"
#include "gateway/upstream/sse_parser.h"

namespace {

constexpr size_t kEventBytesMax = 512;

struct Parsed {
    std::vector<gateway::SseEvent> events;
    bool fits = true;
};

Parsed parse(std::string_view bytes, size_t step) {
    Parsed out;
    gateway::SseParser parser(kEventBytesMax);
    for (; !bytes.empty() && out.fits; bytes.remove_prefix(std::min(step, bytes.size()))) {
        out.fits = parser.feed(bytes.substr(0, step), out.events);
    }
    if (auto last = parser.finish(); last && out.fits) out.events.push_back(std::move(*last));
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Parsed whole = parse(bytes, std::max<size_t>(bytes.size(), 1));
    const Parsed cut = parse(bytes, size_t{1} + data[0]);
    ENSURE(whole.fits == cut.fits && whole.events.size() == cut.events.size());
    for (size_t i = 0; i < whole.events.size(); ++i) {
        ENSURE(whole.events[i].data == cut.events[i].data);
        ENSURE(whole.events[i].type == cut.events[i].type);
        ENSURE(whole.events[i].data.size() <= kEventBytesMax);
        ENSURE(whole.events[i].data.find('\r') == std::string::npos);
    }
    return 0;
}
