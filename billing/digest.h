#pragma once
// SHA-256 with a digest fetched once and a context used again: looking either up costs more than
// hashing.
#include <array>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;
struct evp_md_st;

namespace billing {

using Digest = std::array<unsigned char, 32>;

// Confined to one thread at a time.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    Digest operator()(std::span<const unsigned char> bytes);

private:
    evp_md_st* const algorithm_;
    evp_md_ctx_st* const context_;
};

std::string to_hex(const Digest& digest);

}  // namespace billing
