#include "config/reader.h"

#include <fmt/format.h>

#include <set>

#include "config/ensure.h"
#include "config/nearest.h"
#include "config/scalar.h"

namespace config {

namespace {

constexpr size_t kListItemsMax = 1'000;

std::string below(std::string_view path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

const Key* find_key(const Section& section, std::string_view name) {
    for (const Key& key : section.keys) {
        if (key.name == name) return &key;
    }
    return nullptr;
}

// Where else in the grammar a key of that name stands: "limits", "endpoints.<name>".
std::string place_of(std::string_view name, const Section& section, const std::string& path) {
    for (const Key& key : section.keys) {
        if (!key.section) continue;
        const std::string inner =
            below(path, key.type == Type::named ? fmt::format("{}.<name>", key.name) : key.name);
        if (find_key(*key.section, name)) return inner;
        std::string deeper = place_of(name, *key.section, inner);
        if (!deeper.empty()) return deeper;
    }
    return "";
}

Node default_node(const Key& key) {
    Refusals none("grammar");
    auto node = parse_yaml(key.fallback, none);
    ENSURE(node.has_value());
    return std::move(*node);
}

class Reader {
public:
    explicit Reader(Refusals& refusals) : refusals_(refusals) {}

    // `at` is blamed for what is missing.
    void section(Node& node, const Section& section, void* target, const std::string& path,
                 Mark at) {
        if (node.kind != Node::Kind::map) {
            refusals_.add(node.at, path, "needs keys; write them below it or leave it out");
            return;
        }
        std::set<std::string_view> meant;
        for (Member& member : node.members) {
            const std::string key_path = below(path, member.key);
            if (const Key* key = find_key(section, member.key)) {
                value(*key, member, target, key_path);
            } else {
                unknown(member, section, key_path, meant);
            }
        }
        for (const Key& key : section.keys) {
            if (find(node, key.name) || meant.contains(key.name)) continue;
            if (key.required) {
                refusals_.add(at, below(path, key.name),
                              fmt::format("is missing; add {}: {}", key.name, example(key)));
            } else if (!key.fallback.empty()) {
                Member member{std::string(key.name), at, default_node(key), true};
                value(key, member, target, below(path, key.name));
                node.members.push_back(std::move(member));
            }
        }
    }

private:
    static std::string example(const Key& key) {
        switch (key.type) {
            case Type::integer:
                return fmt::format("{}", key.min);
            case Type::boolean:
                return "false";
            case Type::secret:
                return "\"${env:NAME}\"";
            case Type::ip_address:
                return "127.0.0.1";
            case Type::url:
                return "https://api.example.com/v1";
            case Type::duration:
                return "30s";
            case Type::bytes:
                return "32MiB";
            case Type::time:
                return "2026-10-01T00:00:00Z";
            case Type::price:
                return "\"0.20\"";
            case Type::factor:
                return "\"0.5\"";
            case Type::rate:
                return "\"0.1403\"";
            case Type::currency:
                return "CNY";
            case Type::zone:
                return "UTC";
            case Type::secrets:
                return "[\"${env:FIRST}\", \"${env:SECOND}\"]";
            case Type::origins:
                return "[\"https://app.example.com\"]";
            case Type::spans:
                return "[\"01:00-04:00\"]";
            case Type::dates:
                return "[2026-10-01]";
            case Type::word:
                return std::string(key.words.front());
            case Type::reference:
                return fmt::format("<a name below {}>", key.refers_to);
            case Type::references:
                return fmt::format("[<names below {}>]", key.refers_to);
            case Type::words:
            case Type::names:
                return "[...]";
            case Type::section:
            case Type::named:
            case Type::shares:
            case Type::matches:
                return "{...}";
            case Type::text:
                break;
        }
        return "...";
    }

    void unknown(const Member& member, const Section& section, const std::string& path,
                 std::set<std::string_view>& meant) {
        if (refusals_.full()) return;
        std::vector<std::string_view> names;
        for (const Key& key : section.keys) names.push_back(key.name);
        const auto near = nearest(member.key, names);
        const std::string elsewhere = place_of(member.key, root_section(), "");
        if (near) meant.insert(*near);
        if (!near && !elsewhere.empty()) {
            refusals_.add(member.at, path,
                          fmt::format("misplaced key; it belongs below {}", elsewhere));
        } else {
            refusals_.add(member.at, path, "unknown key" + suggestion(member.key, names));
        }
    }

    void value(const Key& key, Member& member, void* target, const std::string& path) {
        Node& node = member.value;
        if (node.refused) return;
        switch (key.type) {
            case Type::section:
                // Without an `enter` nothing below stores: the linker reads the tree.
                section(node, *key.section, key.enter ? key.enter(target) : nullptr, path,
                        member.at);
                return;
            case Type::named:
                named(key, member, target, path);
                return;
            case Type::shares:
                shares(key, node, path);
                return;
            case Type::matches:
                matches(key, node, path);
                return;
            case Type::words:
            case Type::references:
            case Type::names:
            case Type::secrets:
            case Type::origins:
            case Type::spans:
            case Type::dates:
                list(key, node, path);
                return;
            default:
                break;
        }
        const auto read = read_scalar(key, node);
        if (!read) {
            refusals_.add(node.at, path, read.error());
        } else if (key.store) {
            key.store(target, *read);
        }
    }

    void named(const Key& key, Member& member, void* target, const std::string& path) {
        Node& node = member.value;
        if (node.kind != Node::Kind::map || std::ssize(node.members) < key.min) {
            refusals_.add(node.at, path,
                          key.min > 0 ? "needs at least one name with its keys below it"
                                      : "needs names with their keys below; or leave it out");
            return;
        }
        if (std::ssize(node.members) > kNamedMax) {
            refusals_.add(member.at, path, fmt::format("more than {} names", kNamedMax));
            return;
        }
        for (Member& item : node.members) {
            const std::string item_path = below(path, item.key);
            if (!is_name(item.key, key.model_names)) bad_name(item.at, item_path, key.model_names);
            section(item.value, *key.section, key.append(target, item.key), item_path, item.at);
        }
    }

    void shares(const Key& key, const Node& node, const std::string& path) {
        if (node.kind != Node::Kind::map || node.members.empty()) {
            refusals_.add(node.at, path, "needs names, each with a number, such as {a: 3, b: 1}");
            return;
        }
        Key number{};
        number.type = Type::integer;
        number.min = key.min;
        number.max = key.max;
        for (const Member& item : node.members) {
            if (item.value.refused) continue;
            const auto read = read_scalar(number, item.value);
            if (!read) refusals_.add(item.value.at, below(path, item.key), read.error());
        }
    }

    void matches(const Key& key, const Node& node, const std::string& path) {
        if (node.kind != Node::Kind::map || node.members.empty()) {
            refusals_.add(node.at, path,
                          "needs names, each with a text or texts, such as {a: x, b: [y, z]}");
            return;
        }
        Key texts{};
        texts.type = Type::matches;
        texts.min = 1;
        for (const Member& item : node.members) {
            const std::string item_path = below(path, item.key);
            if (item.value.kind == Node::Kind::list) {
                list(texts, item.value, item_path);
                continue;
            }
            if (item.value.refused) continue;
            const auto read = read_scalar(key, item.value);
            if (!read) refusals_.add(item.value.at, item_path, read.error());
        }
    }

    void bad_name(Mark at, const std::string& path, bool model_name) {
        refusals_.add(at, path,
                      fmt::format("not a name; write at most {} letters, digits and . _ -{}, the "
                                  "first a letter or digit",
                                  kNameBytesMax, model_name ? " / : @ +" : ""));
    }

    void list(const Key& key, const Node& node, const std::string& path) {
        if (node.kind != Node::Kind::list) {
            refusals_.add(node.at, path, "needs a list; write it in brackets, such as [a, b]");
            return;
        }
        if (key.type == Type::secrets && std::ssize(node.items) < key.min) {
            refusals_.add(node.at, path, "has fewer than two keys; write a single one as api_key");
        } else if (std::ssize(node.items) < key.min) {
            refusals_.add(node.at, path,
                          key.type == Type::references
                              ? "is an empty list; write at least one name into it"
                              : "is an empty list; write something into it or leave it out");
        }
        if (node.items.size() > kListItemsMax) {
            refusals_.add(node.at, path, fmt::format("more than {} items", kListItemsMax));
            return;
        }
        std::set<std::string_view> seen;
        for (const Node& item : node.items) {
            if (item.refused) continue;
            const auto read = read_scalar(key, item);
            if (!read) {
                refusals_.add(item.at, path, read.error());
            } else if (!seen.insert(item.text).second) {
                refusals_.add(item.at, path, fmt::format("{} twice; remove one", shown(item)));
            } else if (key.type == Type::names && !is_name(item.text, true)) {
                bad_name(item.at, path, true);
            } else if (key.type == Type::origins && !is_origin(item.text)) {
                refusals_.add(item.at, path,
                              shown(item) +
                                  " is no origin; write scheme and host in lower case, "
                                  "as \"https://app.example.com\", or \"*\" for all");
            }
        }
    }

    // As browsers write it: without a path, without the port that goes by itself.
    static bool is_origin(std::string_view text) {
        if (text == "*") return true;
        for (const std::string_view scheme : {"https://", "http://"}) {
            if (!text.starts_with(scheme)) continue;
            const std::string_view host = text.substr(scheme.size());
            constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789.:[]-";
            return !host.empty() && host.find_first_not_of(kAllowed) == host.npos;
        }
        return false;
    }

    Refusals& refusals_;
};

}  // namespace

void read(Node& root, Config& config, Refusals& refusals) {
    Reader(refusals).section(root, root_section(), &config, "", {1, 1});
}

}  // namespace config
