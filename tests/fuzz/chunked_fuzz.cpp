// A chunked body from a stranger: how it is cut in pieces changes nothing, and the limit holds.
#include <cstdint>
#include <string>

#include "config/ensure.h"
#include "gateway/server/chunked.h"

namespace {

using gateway::ChunkedDecoder;

constexpr int64_t kBodyBytesMax = 1'000;

struct Decoded {
    ChunkedDecoder::Status status = ChunkedDecoder::Status::need_more;
    size_t n_taken = 0;
    std::string body;

    bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view in, size_t step) {
    ChunkedDecoder decoder(kBodyBytesMax);
    Decoded decoded;
    while (decoded.status == ChunkedDecoder::Status::need_more && decoded.n_taken < in.size()) {
        const auto taken = decoder.feed(in.substr(decoded.n_taken, step), decoded.body);
        ENSURE(taken.n_taken > 0);
        decoded.n_taken += taken.n_taken;
        decoded.status = taken.status;
    }
    return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view in(reinterpret_cast<const char*>(data), size);
    const Decoded whole = decode(in, size + 1);
    ENSURE(whole == decode(in, 1));
    ENSURE(whole == decode(in, 7));
    ENSURE(whole.body.size() <= static_cast<size_t>(kBodyBytesMax));
    if (whole.status == ChunkedDecoder::Status::done) {
        ENSURE(in.substr(0, whole.n_taken).ends_with("\r\n"));
    }
    return 0;
}
