#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>

#include "config/refusals.h"
#include "config/yaml_text.h"

namespace config {

namespace {

constexpr const char* kNoAliases = "aliases (*name) are not read; write the value out";

Mark from(const YAML::Mark& mark) {
    return {mark.line + 1, mark.column + 1};
}

std::string explain(const std::string& yaml_error) {
    if (yaml_error == YAML::ErrorMsg::UNKNOWN_ANCHOR) return kNoAliases;
    return fmt::format(
        "not YAML: {}; look here and above for an open bracket or quote, a missing blank after a "
        "colon "
        "or a wrong indentation",
        yaml_error);
}

// Ends the parse after a refusal that leaves nothing to go on with.
struct Stop {};

// Builds the tree from yaml-cpp's events, so that what a finished YAML::Node forgets is still seen.
class TreeBuilder : public YAML::EventHandler {
public:
    TreeBuilder(std::string_view text, Refusals& refusals) : text_(text), refusals_(refusals) {}

    Node take() { return std::move(root_); }

    // Of the key that is being read.
    std::string path() const {
        std::string path;
        for (const Frame& frame : open_) {
            if (!frame.pending) continue;
            if (!path.empty()) path += '.';
            path += frame.pending->key;
        }
        return path;
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++n_documents_ > 1) stop(from(mark), "a second document; keep one per file");
    }
    void OnDocumentEnd() override {}
    void OnAnchor(const YAML::Mark& mark, const std::string&) override {
        stop(from(mark), "anchors are not read; write the value out");
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { stop(from(mark), kNoAliases); }
    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
        Node node;
        node.at = from(mark);
        leaf(std::move(node), "");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  const std::string& value) override {
        Node node;
        node.kind = Node::Kind::scalar;
        node.at = from(mark);
        node.text = value;
        node.quoted = tag == "!";
        leaf(std::move(node), written_tag(mark, tag));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        open(Node::Kind::list, mark, tag);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        open(Node::Kind::map, mark, tag);
    }
    void OnMapEnd() override { close(); }

private:
    struct Frame {
        Node node;
        std::optional<Member> pending;  // a key that waits for its value
        std::unordered_map<std::string, int> line_by_key;
    };

    [[noreturn]] void stop(Mark at, std::string message) {
        refusals_.add(at, path(), std::move(message));
        throw Stop{};
    }

    // yaml-cpp gives "?" and "!" where nothing was written, and "!" also for a tag of that name.
    std::string_view written_tag(const YAML::Mark& mark, const std::string& tag) const {
        if (tag != "!") return tag == "?" ? std::string_view() : std::string_view(tag);
        const auto at = static_cast<size_t>(mark.pos);
        return at < text_.size() && text_[at] == '!' ? "!" : std::string_view();
    }

    void admit(Mark at, std::string_view tag) {
        if (!tag.empty()) stop(at, "tags (!name) are not read; remove it");
        if (++n_nodes_ > kNodesMax) stop(at, fmt::format("more than {} values", kNodesMax));
    }

    void leaf(Node node, std::string_view tag) {
        admit(node.at, tag);
        if (!open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().pending) {
            begin_member(std::move(node));
        } else {
            place(std::move(node));
        }
    }

    void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag) {
        admit(from(mark), written_tag(mark, tag));
        if (open_.size() >= kDepthMax) stop(from(mark), "nested too deeply");
        if (!open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().pending) {
            stop(from(mark), "a key must be a word, not a list or a map");
        }
        Frame frame;
        frame.node.kind = kind;
        frame.node.at = from(mark);
        open_.push_back(std::move(frame));
    }

    void close() {
        Node node = std::move(open_.back().node);
        open_.pop_back();
        place(std::move(node));
    }

    void begin_member(Node key) {
        if (key.kind == Node::Kind::null) stop(key.at, "an empty key; write its name");
        if (key.text == "<<" && !key.quoted) {
            stop(key.at, "merge keys (<<) are not read; write the keys out");
        }
        open_.back().pending = Member{key.text, key.at, {}};
    }

    void place(Node node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& parent = open_.back();
        if (parent.node.kind == Node::Kind::list) {
            parent.node.items.push_back(std::move(node));
            return;
        }
        if (node.kind == Node::Kind::null) node.at = parent.pending->at;
        const auto [first, is_new] =
            parent.line_by_key.emplace(parent.pending->key, parent.pending->at.line);
        if (!is_new) {
            refusals_.add(parent.pending->at, path(),
                          fmt::format("duplicate key, first written at line {}; keep one of them",
                                      first->second));
        } else {
            parent.pending->value = std::move(node);
            parent.node.members.push_back(std::move(*parent.pending));
        }
        parent.pending.reset();
    }

    const std::string_view text_;
    Refusals& refusals_;
    std::vector<Frame> open_;
    Node root_;
    int n_documents_ = 0;
    int n_nodes_ = 0;
};

}  // namespace

const Member* find(const Node& map, std::string_view key) {
    for (const Member& member : map.members) {
        if (member.key == key) return &member;
    }
    return nullptr;
}

Member* find(Node& map, std::string_view key) {
    return const_cast<Member*>(find(static_cast<const Node&>(map), key));
}

std::optional<Node> parse_yaml(std::string_view text, Refusals& refusals) {
    if (!check_text(text, refusals)) return {};
    std::istringstream in{std::string(text)};
    TreeBuilder builder(text, refusals);
    try {
        YAML::Parser parser(in);
        if (!parser.HandleNextDocument(builder)) {
            refusals.add({}, "", "the file is empty; deploy/weir.yaml is an example");
            return {};
        }
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Stop&) {
        return {};
    } catch (const YAML::Exception& error) {
        refusals.add(from(error.mark), builder.path(), explain(error.msg));
        return {};
    }
    return builder.take();
}

}  // namespace config
