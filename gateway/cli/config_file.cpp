#include "gateway/cli/config_file.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace gateway {

namespace {

constexpr size_t kSecretBytesMax = 64 << 10;

std::optional<std::string> read_secret(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return {};
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    if (bytes.size() > kSecretBytesMax) return {};
    // Files of secrets end with a line end that is not part of the secret.
    while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) bytes.pop_back();
    return bytes;
}

}  // namespace

config::Environment process_environment() {
    return {[](const std::string& name) -> std::optional<std::string> {
                const char* value = std::getenv(name.c_str());
                if (value == nullptr) return {};
                return value;
            },
            read_secret};
}

std::optional<config::Config> load_or_complain(const std::string& file) {
    auto loaded = config::load(file, process_environment());
    if (loaded) return std::move(*loaded);
    for (const config::Refusal& refusal : loaded.error())
        std::fprintf(stderr, "%s\n", to_string(refusal).c_str());
    return {};
}

}  // namespace gateway
