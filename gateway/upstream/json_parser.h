#pragma once
// One simdjson parser for every event of an io thread: its buffers are made once. For .cpp files
// only.
#include <simdjson.h>

#include <optional>

namespace gateway {

struct JsonParser {
    simdjson::dom::parser dom;
};

// The shared one; for a large document, which would leave its buffers behind for good, one of its
// own.
class BorrowedParser {
public:
    BorrowedParser(JsonParser& shared, size_t n_document_bytes) : shared_(shared) {
        constexpr size_t kSharedBytesMax = 1 << 20;
        if (n_document_bytes > kSharedBytesMax) own_.emplace();
    }
    simdjson::dom::parser& dom() { return own_ ? *own_ : shared_.dom; }

private:
    JsonParser& shared_;
    std::optional<simdjson::dom::parser> own_;
};

}  // namespace gateway
