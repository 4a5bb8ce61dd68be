#pragma once
// How a request is framed, decided from the raw bytes of its head before any parser is believed.
// Beast takes several heads that two programs in a row would read differently; whatever could be
// read in two ways is refused here. Pure functions, no Asio.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>

namespace gateway {

struct FramingLimits {
    size_t head_bytes_max;  // request line to blank line, line ends included
    size_t n_fields_max;
    size_t target_bytes_max;
};

// Why a request is not served. `reason` is static text, fit for a client's eyes.
struct Refusal {
    int status;
    std::string_view reason;
};

struct Framing {
    int version_minor = 1;  // HTTP/1.0 or HTTP/1.1
    bool keep_alive = true;
    bool chunked = false;
    bool expects_continue = false;
    std::optional<int64_t> content_length;

    bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// Finds the end of a head that arrives in pieces, and refuses early what no further byte could
// mend.
class HeadFinder {
public:
    // `bytes` starts with the head and has only grown since the last call. The size of the head
    // with its blank line, or 0 while that has not come. Errors: 400 for a line end that is not
    // CRLF, a NUL or an empty first line; 414; 431.
    tl::expected<size_t, Refusal> find(std::string_view bytes, const FramingLimits& limits);

private:
    size_t line_begin_ = 0;
};

// Judges a whole head, blank line included. Errors: 400, 414, 417 for an expectation other than
// 100-continue, 431.
tl::expected<Framing, Refusal> scan_head(std::string_view head, const FramingLimits& limits);

}  // namespace gateway
