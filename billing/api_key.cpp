#include "billing/api_key.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace billing {

std::string key_text(const std::array<unsigned char, 32>& bits) {
    static constexpr char kDigits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::array<unsigned char, 32> number = bits;  // big-endian, divided by 62 again and again
    std::string text(kKeySize, '0');
    text.replace(0, kKeyPrefix.size(), kKeyPrefix);
    for (size_t i = kKeySize; i-- > kKeyPrefix.size();) {
        unsigned rest = 0;
        for (unsigned char& byte : number) {
            const unsigned value = rest << 8 | byte;
            byte = static_cast<unsigned char>(value / 62);
            rest = value % 62;
        }
        text[i] = kDigits[rest];
    }
    return text;
}

std::string random_key() {
    std::array<unsigned char, 32> bits;
    if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) return {};
    std::string text = key_text(bits);
    OPENSSL_cleanse(bits.data(), bits.size());
    return text;
}

}  // namespace billing
