#pragma once
// Content codings of HTTP: gzip (RFC 1952) and deflate (RFC 1950), over zlib.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace gateway {

// Makes one deflate body out of what comes piece by piece. About 64 KiB while it lives.
class Deflater {
public:
    Deflater();
    Deflater(const Deflater&) = delete;
    ~Deflater();

    void add(std::string_view bytes);
    // So far, without what is still on its way through.
    size_t n_bytes() const { return out_.size(); }
    std::string finish();  // once

private:
    struct State;
    void run(int flush);

    const std::unique_ptr<State> state_;
    std::string out_;
};

enum class InflateError : uint8_t { too_large, malformed };

// The content of a whole gzip or deflate body. Never holds more than `n_bytes_max` of it.
tl::expected<std::string, InflateError> inflate(std::string_view body, size_t n_bytes_max);

}  // namespace gateway
