#pragma once
// Decodes a chunked request body, strictly. Extensions and trailers are bounded and dropped unread.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

class ChunkedDecoder {
public:
    enum class Status : uint8_t {
        need_more,  // everything given was taken
        done,       // the last byte taken ends the body
        bad,        // 400
        too_large,  // 413: the announced sizes pass the limit
    };
    struct Step {
        size_t n_taken;
        Status status;
    };

    static constexpr size_t kExtensionBytesMax = 4'096;  // of all chunks of a body together
    static constexpr size_t kTrailerBytesMax = 8'192;

    explicit ChunkedDecoder(int64_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

    // Takes bytes from the front of `in` and appends what they carry to `body`. After anything but
    // need_more the decoder is spent.
    Step feed(std::string_view in, std::string& body);

private:
    enum class State : uint8_t {
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_begin,
        trailer,
        trailer_lf,
        end_lf,
    };

    Status take(char c);
    Status take_size(char c);
    Status take_trailer(char c);
    Status expect(char c, char wanted, State next);

    const int64_t body_bytes_max_;
    State state_ = State::size;
    int n_digits_ = 0;
    int64_t chunk_left_ = 0;
    int64_t body_bytes_ = 0;  // announced so far
    size_t extension_bytes_ = 0;
    size_t trailer_bytes_ = 0;
};

}  // namespace gateway
