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

tl::expected<Config, std::vector<Refusal>> parse_into(std::string_view text, std::string_view name,
                                                      const Environment& environment,
                                                      std::optional<Node>& root) {
    Refusals refusals(name);
    root = parse_yaml(text, refusals);
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

tl::expected<std::string, std::vector<Refusal>> read_file(const std::filesystem::path& file) {
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
    return text;
}

// A list on one line, a scalar as it was written.
std::string shown_value(const Node& node, std::string_view key) {
    if (node.kind == Node::Kind::list) {
        std::string text = "[";
        for (const Node& item : node.items)
            text += (text.size() > 1 ? ", " : "") + shown_value(item, key);
        return text + "]";
    }
    if (!node.expanded_from.empty()) return node.expanded_from;
    return key == "api_key" || key == "api_keys" ? "(secret)" : node.text;
}

void flatten(const Node& node, const std::string& path, Settings& settings) {
    for (const Member& member : node.members) {
        const std::string below = path.empty() ? member.key : path + "." + member.key;
        if (member.value.kind == Node::Kind::map)
            flatten(member.value, below, settings);
        else if (member.value.kind != Node::Kind::null)
            settings.emplace(below, shown_value(member.value, member.key));
    }
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
    std::optional<Node> root;
    return parse_into(text, name, environment, root);
}

tl::expected<Settings, std::vector<Refusal>> settings(const std::filesystem::path& file,
                                                      const Environment& environment) {
    const auto text = read_file(file);
    if (!text) return tl::make_unexpected(text.error());
    std::optional<Node> root;
    const auto config = parse_into(*text, file.string(), environment, root);
    if (!config) return tl::make_unexpected(config.error());
    Settings settings;
    flatten(*root, "", settings);
    return settings;
}

tl::expected<Config, std::vector<Refusal>> load(const std::filesystem::path& file,
                                                const Environment& environment) {
    const auto text = read_file(file);
    if (!text) return tl::make_unexpected(text.error());
    return parse(*text, file.string(), environment);
}

}  // namespace config
