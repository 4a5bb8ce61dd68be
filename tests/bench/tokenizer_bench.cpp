// tokenizer_bench TOKENIZER.JSON TEXT [ROUNDS]: how fast one core turns a text into tokens, MB/s.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace {

int complain(const std::string& what) {
    std::fprintf(stderr, "tokenizer_bench: %s\n", what.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return complain("TOKENIZER.JSON TEXT [ROUNDS]");
    const auto tokenizer = engine::Tokenizer::open(argv[1]);
    if (!tokenizer) return complain(tokenizer.error().detail);
    std::ifstream in(argv[2], std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    if (text.empty()) return complain(std::string(argv[2]) + ": nothing to read");
    const int n_rounds = argc > 3 ? std::max(1, std::atoi(argv[3])) : 7;
    std::vector<double> rates;
    std::vector<int32_t> tokens;
    for (int round = 0; round < n_rounds; ++round) {
        tokens.clear();
        const auto start = std::chrono::steady_clock::now();
        const auto encoded = (*tokenizer)->encode_text(text, SIZE_MAX, tokens);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        if (!encoded) return complain(encoded.error().detail);
        rates.push_back(static_cast<double>(text.size()) / 1e6 / took.count());
    }
    std::sort(rates.begin(), rates.end());
    std::printf("%zu bytes, %zu tokens: %.1f MB/s [%.1f-%.1f], median of %d rounds\n", text.size(),
                tokens.size(), rates[rates.size() / 2], rates.front(), rates.back(), n_rounds);
    return 0;
}
