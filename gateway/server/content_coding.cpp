#include "gateway/server/content_coding.h"

#include <zlib.h>

#include <algorithm>

#include "config/ensure.h"

namespace gateway {
namespace {

constexpr int kLevel = 1;        // a third of the time of zlib's default, a tenth more bytes
constexpr int kWindowBits = 13;  // as kMemoryLevel: 64 KiB instead of 256
constexpr int kMemoryLevel = 6;
constexpr int kAnyFormat = 32 + MAX_WBITS;  // gzip or zlib, as the body says
constexpr size_t kStep = 16 << 10;

// zlib reads through it only.
Bytef* borrowed(std::string_view bytes) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

}  // namespace

struct Deflater::State {
    z_stream stream{};
};

Deflater::Deflater() : state_(std::make_unique<State>()) {
    ENSURE(deflateInit2(&state_->stream, kLevel, Z_DEFLATED, kWindowBits, kMemoryLevel,
                        Z_DEFAULT_STRATEGY) == Z_OK);
}

Deflater::~Deflater() {
    deflateEnd(&state_->stream);
}

void Deflater::add(std::string_view bytes) {
    state_->stream.next_in = borrowed(bytes);
    state_->stream.avail_in = static_cast<uInt>(bytes.size());
    run(Z_NO_FLUSH);
}

std::string Deflater::finish() {
    state_->stream.avail_in = 0;
    run(Z_FINISH);
    return std::move(out_);
}

void Deflater::run(int flush) {
    unsigned char room[kStep];
    do {
        state_->stream.next_out = room;
        state_->stream.avail_out = sizeof room;
        ENSURE(deflate(&state_->stream, flush) != Z_STREAM_ERROR);
        out_.append(reinterpret_cast<const char*>(room), sizeof room - state_->stream.avail_out);
    } while (state_->stream.avail_out == 0);
}

tl::expected<std::string, InflateError> inflate(std::string_view body, size_t n_bytes_max) {
    z_stream stream{};
    if (inflateInit2(&stream, kAnyFormat) != Z_OK) return tl::unexpected(InflateError::malformed);
    stream.next_in = borrowed(body);
    stream.avail_in = static_cast<uInt>(body.size());
    std::string content;
    int state = Z_OK;
    bool is_too_large = false;
    while (state == Z_OK && !is_too_large) {
        const size_t n_before = content.size();
        // One byte over the bound tells that there is more.
        const size_t n_room = std::min(std::max(kStep, n_before), n_bytes_max + 1 - n_before);
        content.resize(n_before + n_room);
        stream.next_out = reinterpret_cast<Bytef*>(content.data() + n_before);
        stream.avail_out = static_cast<uInt>(n_room);
        state = ::inflate(&stream, Z_NO_FLUSH);
        content.resize(n_before + n_room - stream.avail_out);
        is_too_large = content.size() > n_bytes_max;
    }
    const bool is_whole = state == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    if (is_too_large) return tl::unexpected(InflateError::too_large);
    if (!is_whole) return tl::unexpected(InflateError::malformed);
    return content;
}

}  // namespace gateway
