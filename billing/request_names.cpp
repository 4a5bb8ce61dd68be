#include "billing/request_names.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

#include "billing/key_hasher.h"
#include "config/ensure.h"

namespace billing {
namespace {

constexpr std::string_view kPrefix = "req_";
using Block = std::array<unsigned char, 16>;  // the number, big-endian, then zeros

class Aes {
public:
    enum class Direction : int { decrypt = 0, encrypt = 1 };

    Aes(const unsigned char* key, Direction direction) : context_(EVP_CIPHER_CTX_new()) {
        ENSURE(context_ != nullptr);
        ENSURE(EVP_CipherInit_ex2(context_, EVP_aes_128_ecb(), key, nullptr,
                                  static_cast<int>(direction), nullptr) == 1);
        ENSURE(EVP_CIPHER_CTX_set_padding(context_, 0) == 1);
    }
    Aes(const Aes&) = delete;
    Aes& operator=(const Aes&) = delete;
    ~Aes() { EVP_CIPHER_CTX_free(context_); }

    Block operator()(const Block& in) {
        Block out;
        int n = 0;
        ENSURE(EVP_CipherUpdate(context_, out.data(), &n, in.data(), int{sizeof(Block)}) == 1 &&
               n == int{sizeof(Block)});
        return out;
    }

private:
    evp_cipher_ctx_st* const context_;
};

class AesNames final : public RequestNames {
public:
    explicit AesNames(const Digest& key)
        : encrypt_(key.data(), Aes::Direction::encrypt),
          decrypt_(key.data(), Aes::Direction::decrypt) {}

    std::string name(RequestId request) override {
        Block block{};
        const auto bits = static_cast<uint64_t>(request.n);
        for (size_t i = 0; i < 8; ++i) block[i] = static_cast<unsigned char>(bits >> (56 - 8 * i));
        block = encrypt_(block);
        static constexpr char kDigits[] = "0123456789abcdef";
        std::string text(kPrefix);
        for (const unsigned char byte : block) {
            text += kDigits[byte >> 4];
            text += kDigits[byte & 15];
        }
        return text;
    }

    std::optional<RequestId> find(std::string_view text) override {
        if (!text.starts_with(kPrefix)) return number(text);
        const std::string_view hex = text.substr(kPrefix.size());
        Block block;
        if (hex.size() != 2 * block.size()) return std::nullopt;
        for (size_t i = 0; i < block.size(); ++i) {
            const char* const at = hex.data() + 2 * i;
            if (std::from_chars(at, at + 2, block[i], 16).ptr != at + 2) return std::nullopt;
        }
        block = decrypt_(block);
        uint64_t bits = 0;
        for (size_t i = 0; i < 8; ++i) bits = bits << 8 | block[i];
        const RequestId request{static_cast<int64_t>(bits)};
        // What was not made by name() has other than zeros there, but for one in 2^64.
        const bool is_ours = std::all_of(block.begin() + 8, block.end(),
                                         [](unsigned char byte) { return byte == 0; });
        if (!is_ours || request.n <= 0 || name(request) != text) return std::nullopt;
        return request;
    }

private:
    static std::optional<RequestId> number(std::string_view text) {
        RequestId request;
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, request.n);
        if (error != std::errc() || stop != end || request.n <= 0) return std::nullopt;
        return request;
    }

    Aes encrypt_, decrypt_;
};

}  // namespace

std::unique_ptr<RequestNames> make_request_names(const Pepper& pepper) {
    return std::make_unique<AesNames>(make_key_hasher(pepper)->digest("weir request ids"));
}

Result<std::unique_ptr<RequestNames>> open_request_names(const std::filesystem::path& ledger) {
    std::filesystem::path file = ledger;
    file += ".pepper";
    const auto pepper = read_pepper(file);
    if (!pepper) return tl::unexpected(pepper.error());
    return make_request_names(*pepper);
}

}  // namespace billing
