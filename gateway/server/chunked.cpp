#include "gateway/server/chunked.h"

#include <algorithm>

#include "gateway/server/syntax.h"

namespace gateway {
namespace {

// More than any body needs, too few to overflow.
constexpr int kSizeDigitsMax = 15;

bool is_text(char c) {
    return is_field_value(std::string_view(&c, 1));
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::feed(std::string_view in, std::string& body) {
    size_t i = 0;
    while (i < in.size()) {
        if (state_ == State::data) {
            const auto n =
                static_cast<size_t>(std::min(chunk_left_, static_cast<int64_t>(in.size() - i)));
            body.append(in.substr(i, n));
            i += n;
            chunk_left_ -= static_cast<int64_t>(n);
            if (chunk_left_ == 0) state_ = State::data_cr;
            continue;
        }
        const Status status = take(in[i++]);
        if (status != Status::need_more) return {i, status};
    }
    return {i, Status::need_more};
}

ChunkedDecoder::Status ChunkedDecoder::take(char c) {
    switch (state_) {
        case State::size:
            return take_size(c);
        case State::extension:
            if (c == '\r') {
                state_ = State::size_lf;
                return Status::need_more;
            }
            if (!is_text(c) || ++extension_bytes_ > kExtensionBytesMax) return Status::bad;
            return Status::need_more;
        case State::size_lf:
            return expect(c, '\n', chunk_left_ > 0 ? State::data : State::trailer_begin);
        case State::data:
            break;  // feed() takes data in runs
        case State::data_cr:
            return expect(c, '\r', State::data_lf);
        case State::data_lf:
            n_digits_ = 0;
            return expect(c, '\n', State::size);
        case State::trailer_begin:
        case State::trailer:
            return take_trailer(c);
        case State::trailer_lf:
            return expect(c, '\n', State::trailer_begin);
        case State::end_lf:
            return c == '\n' ? Status::done : Status::bad;
    }
    return Status::bad;
}

ChunkedDecoder::Status ChunkedDecoder::take_size(char c) {
    const int digit = hex_value(c);
    if (digit >= 0) {
        if (++n_digits_ > kSizeDigitsMax) return Status::bad;
        chunk_left_ = chunk_left_ * 16 + digit;
        return Status::need_more;
    }
    if (n_digits_ == 0) return Status::bad;
    if (c != ';' && c != '\r') return Status::bad;
    if (chunk_left_ > body_bytes_max_ - body_bytes_) return Status::too_large;
    body_bytes_ += chunk_left_;
    state_ = c == ';' ? State::extension : State::size_lf;
    return Status::need_more;
}

ChunkedDecoder::Status ChunkedDecoder::take_trailer(char c) {
    if (c == '\r') {
        state_ = state_ == State::trailer_begin ? State::end_lf : State::trailer_lf;
        return Status::need_more;
    }
    if (!is_text(c) || ++trailer_bytes_ > kTrailerBytesMax) return Status::bad;
    state_ = State::trailer;
    return Status::need_more;
}

ChunkedDecoder::Status ChunkedDecoder::expect(char c, char wanted, State next) {
    if (c != wanted) return Status::bad;
    state_ = next;
    return Status::need_more;
}

}  // namespace gateway
