#include "gateway/api/request_id.h"

#include <array>
#include <random>
#include <string_view>

namespace gateway {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kLettersAndDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

// Seeded from the system once a thread: a system call for each request would cost more than the
// rest.
std::mt19937_64& generator() {
    thread_local std::mt19937_64 instance = [] {
        std::random_device device;
        std::array<uint32_t, 16> words;
        for (auto& word : words) word = device();
        std::seed_seq seed(words.begin(), words.end());
        return std::mt19937_64(seed);
    }();
    return instance;
}

void append_random(std::string& out, std::string_view alphabet, size_t n) {
    auto& random = generator();
    std::uniform_int_distribution<size_t> digit(0, alphabet.size() - 1);
    for (size_t i = 0; i < n; ++i) out += alphabet[digit(random)];
}

}  // namespace

std::string new_request_id() {
    constexpr size_t kWords = 2, kDigitsPerWord = 16;
    std::string id = "req_";
    for (size_t word = 0; word < kWords; ++word) {
        uint64_t bits = generator()();
        for (size_t i = 0; i < kDigitsPerWord; ++i, bits >>= 4) id += kHexDigits[bits & 15];
    }
    return id;
}

std::string new_completion_id() {
    std::string id = "chatcmpl-";
    append_random(id, kLettersAndDigits, 29);
    return id;
}

std::string new_call_id() {
    std::string id = "call_";
    append_random(id, kLettersAndDigits, 24);
    return id;
}

}  // namespace gateway
