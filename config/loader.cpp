#include "config/loader.h"

#include <fmt/format.h>

#include <fstream>

#include "config/expansion.h"
#include "config/linker.h"
#include "config/reader.h"
#include "config/refusals.h"
#include "config/yaml_tree.h"

namespace config {

namespace {

// FNV-1a: tells two files apart in a log, and is no proof of anything.
std::string digest(std::string_view bytes) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : bytes) {
        hash ^= static_cast<unsigned char>(byte);
        hash *= 0x100000001b3;
    }
    return fmt::format("{:016x}", hash);
}

}  // namespace

std::string to_string(const Refusal& refusal) {
    std::string text = refusal.file;
    if (refusal.line > 0) text += fmt::format(":{}:{}", refusal.line, refusal.column);
    if (!refusal.key.empty()) text += fmt::format(": {}", refusal.key);
    return text + ": " + refusal.message;
}

tl::expected<Config, std::vector<Refusal>> parse(std::string_view text, std::string_view name,
                                                 const Environment& environment) {
    Refusals refusals(name);
    auto root = parse_yaml(text, refusals);
    if (!root) return tl::make_unexpected(refusals.take());
    expand(*root, environment, refusals);
    Config config;
    read(*root, config, refusals);
    if (is_aligned(*root, config)) {
        link_endpoints(*root, config, refusals);
        link_routes(*root, config, refusals);
        link_listen(*root, config);
        link_metrics(*root, config);
        link_prices(*root, config, refusals);
        check_whole(*root, config, refusals);
    }
    if (!refusals.empty()) return tl::make_unexpected(refusals.take());
    config.digest = digest(text);
    return config;
}

tl::expected<Config, std::vector<Refusal>> load(const std::filesystem::path& file,
                                                const Environment& environment) {
    const auto refuse = [&](std::string message) {
        return tl::make_unexpected(
            std::vector<Refusal>{{file.string(), 0, 0, "", std::move(message)}});
    };
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (!std::filesystem::exists(status)) return refuse("does not exist; -c FILE names another");
    if (std::filesystem::is_directory(status)) return refuse("is a folder; name the file in it");
    std::ifstream in(file, std::ios::binary);
    std::string text(kFileBytesMax + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.fail() && !in.eof())) return refuse("cannot be read; check its mode");
    text.resize(static_cast<size_t>(in.gcount()));
    return parse(text, file.string(), environment);
}

}  // namespace config
