#include "billing/key_hasher.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "config/ensure.h"

namespace billing {
namespace {

// The MAC is fetched and keyed once; each use starts it again with the key it has.
class HmacKeyHasher final : public KeyHasher {
public:
    explicit HmacKeyHasher(const Pepper& pepper)
        : mac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), context_(EVP_MAC_CTX_new(mac_)) {
        char sha256[] = "SHA256";
        const OSSL_PARAM parameters[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
            OSSL_PARAM_construct_end()};
        ENSURE(EVP_MAC_init(context_, pepper.data(), pepper.size(), parameters) == 1);
    }
    HmacKeyHasher(const HmacKeyHasher&) = delete;
    HmacKeyHasher& operator=(const HmacKeyHasher&) = delete;
    ~HmacKeyHasher() override {
        EVP_MAC_CTX_free(context_);
        EVP_MAC_free(mac_);
    }

    Digest digest(std::string_view key) override {
        Digest out;
        size_t n_written = 0;
        const bool ok = EVP_MAC_init(context_, nullptr, 0, nullptr) == 1 &&
                        EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(key.data()),
                                       key.size()) == 1 &&
                        EVP_MAC_final(context_, out.data(), &n_written, out.size()) == 1;
        ENSURE(ok && n_written == out.size());
        return out;
    }

private:
    EVP_MAC* const mac_;
    EVP_MAC_CTX* const context_;
};

}  // namespace

std::unique_ptr<KeyHasher> make_key_hasher(const Pepper& pepper) {
    return std::make_unique<HmacKeyHasher>(pepper);
}

}  // namespace billing
