#pragma once
// Reads the body of one request off its connection, within the limits of size and time.
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "gateway/server/connection.h"
#include "gateway/server/framing.h"

namespace gateway {

class BodyReader {
public:
    // `deadline` bounds the whole body; limits.body_timeout the time without a byte of it.
    BodyReader(Connection& connection, const Framing& framing, TimePoint deadline)
        : connection_(connection), framing_(framing), deadline_(deadline) {}

    // Errors: 400 for broken chunks, 408, 413; nothing to answer if the client is gone.
    asio::awaitable<tl::expected<std::string, std::optional<Refusal>>> read();

private:
    using Body = tl::expected<std::string, std::optional<Refusal>>;

    asio::awaitable<Body> read_length(int64_t length);
    asio::awaitable<Body> read_chunked();
    asio::awaitable<std::optional<Body>> more(int64_t n_left);

    Connection& connection_;
    const Framing framing_;
    const TimePoint deadline_;
};

}  // namespace gateway
