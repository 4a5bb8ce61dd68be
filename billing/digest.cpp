#include "billing/digest.h"

#include <openssl/evp.h>

#include "config/ensure.h"

namespace billing {

Sha256::Sha256()
    : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    ENSURE(algorithm_ != nullptr && context_ != nullptr);
}

Sha256::~Sha256() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
}

Digest Sha256::operator()(std::span<const unsigned char> bytes) {
    Digest digest;
    const bool ok = EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1 &&
                    EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(context_, digest.data(), nullptr) == 1;
    ENSURE(ok);
    return digest;
}

std::string to_hex(const Digest& digest) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * digest.size());
    for (const unsigned char byte : digest) {
        hex += kDigits[byte >> 4];
        hex += kDigits[byte & 15];
    }
    return hex;
}

}  // namespace billing
