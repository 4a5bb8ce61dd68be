#include "gateway/server/body_reader.h"

#include <algorithm>

#include "gateway/server/chunked.h"

namespace gateway {
namespace {

// A large body is read in large pieces; memory follows what has come, not what was announced.
constexpr int64_t kPieceBytesMax = 64 << 10;
constexpr int64_t kPieceBytesMin = 1 << 10;

tl::unexpected<std::optional<Refusal>> refused(int status, std::string_view reason) {
    return tl::unexpected(std::optional(Refusal{status, reason}));
}

}  // namespace

asio::awaitable<BodyReader::Body> BodyReader::read() {
    if (framing_.chunked) co_return co_await read_chunked();
    co_return co_await read_length(framing_.content_length.value_or(0));
}

// Waits for input; a value is how the body ends without it.
asio::awaitable<std::optional<BodyReader::Body>> BodyReader::more(int64_t n_left) {
    const TimePoint stalled = std::chrono::steady_clock::now() + connection_.limits().body_timeout;
    const auto room = static_cast<size_t>(std::clamp(n_left, kPieceBytesMin, kPieceBytesMax));
    const auto input = co_await connection_.more(room, std::min(stalled, deadline_));
    if (input == Connection::Input::arrived) co_return std::nullopt;
    if (input == Connection::Input::ended) co_return Body(tl::unexpected(std::optional<Refusal>()));
    co_return Body(refused(408, "the request body did not arrive in time"));
}

asio::awaitable<BodyReader::Body> BodyReader::read_length(int64_t length) {
    std::string body;
    body.reserve(static_cast<size_t>(std::min(length, kPieceBytesMax)));
    for (int64_t left = length; left > 0;) {
        const std::string_view input = connection_.input();
        const auto n = std::min(input.size(), static_cast<size_t>(left));
        body.append(input.substr(0, n));
        connection_.take(n);
        left -= static_cast<int64_t>(n);
        if (left == 0) break;
        auto end = co_await more(left);
        if (end) co_return std::move(*end);
    }
    co_return body;
}

asio::awaitable<BodyReader::Body> BodyReader::read_chunked() {
    ChunkedDecoder decoder(connection_.limits().body_bytes_max);
    std::string body;
    for (;;) {
        const auto step = decoder.feed(connection_.input(), body);
        connection_.take(step.n_taken);
        switch (step.status) {
            case ChunkedDecoder::Status::done:
                co_return body;
            case ChunkedDecoder::Status::bad:
                co_return refused(400, "the chunked body is malformed");
            case ChunkedDecoder::Status::too_large:
                co_return refused(413, "the request body is too large");
            case ChunkedDecoder::Status::need_more:
                break;
        }
        auto end = co_await more(static_cast<int64_t>(body.size()));
        if (end) co_return std::move(*end);
    }
}

}  // namespace gateway
