#include "engine/tokenizer/tokenizer_json.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "engine/tokenizer/byte_alphabet.h"
#include "engine/weights/json_strict.h"

namespace engine {
namespace {

using nlohmann::json;

constexpr int kDepthMax = 16;
constexpr size_t kTokenBytesMax = size_t{64} << 10;
constexpr size_t kSplitsMax = 16;

// Carries a refusal out of the reader; caught in parse_tokenizer_json.
struct Refusal : std::runtime_error {
    Errc code;
    Refusal(Errc errc, const std::string& detail) : std::runtime_error(detail), code(errc) {}
};
[[noreturn]] void broken(const std::string& detail) {
    throw Refusal(Errc::file_broken, detail);
}
[[noreturn]] void unsupported(const std::string& detail) {
    throw Refusal(Errc::unsupported, detail);
}

const json& member(const json& object, const char* key, const char* where) {
    if (!object.is_object()) broken(std::string(where) + " is not an object");
    const auto found = object.find(key);
    if (found == object.end()) broken(std::string(where) + " has no \"" + key + "\"");
    return *found;
}

std::string text_member(const json& object, const char* key, const char* where) {
    const json& value = member(object, key, where);
    if (!value.is_string()) broken(std::string(where) + "." + key + " is not a string");
    return value.get<std::string>();
}

// Absent, null, false and "" all leave a feature off.
void refuse_feature(const json& object, const char* key, const char* where) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null() || *found == false || *found == "") return;
    unsupported(std::string(where) + "." + key + " is set");
}

int32_t token_id_of(const json& value, const std::string& token) {
    if (!value.is_number_integer())
        broken("the id of token " + in_quotes(token) + " is no integer");
    const bool too_large = value.is_number_unsigned() && value.get<uint64_t>() >= kTokenIdsMax;
    if (too_large || value.get<int64_t>() < 0) {
        broken("the id of token " + in_quotes(token) + " is outside 0.." +
               std::to_string(kTokenIdsMax - 1));
    }
    return value.get<int32_t>();
}

class Reader {
public:
    explicit Reader(const json& root) : root_(root), model_(member(root, "model", "the file")) {}

    TokenizerFile read() {
        refuse_feature(root_, "truncation", "the file");
        refuse_feature(root_, "padding", "the file");
        read_normalizer();
        read_post_processor();
        read_added();
        read_vocab();
        read_merges();
        read_splits();
        return std::move(file_);
    }

private:
    void read_normalizer() {
        const auto found = root_.find("normalizer");
        if (found == root_.end() || found->is_null()) return;
        const bool empty = text_member(*found, "type", "normalizer") == "Sequence" &&
                           member(*found, "normalizers", "normalizer").empty();
        if (!empty) unsupported("the normalizer changes text");
    }

    // The byte-level one only trims offsets; any other would add tokens.
    void read_post_processor() {
        const auto found = root_.find("post_processor");
        if (found == root_.end() || found->is_null()) return;
        const std::string type = text_member(*found, "type", "post_processor");
        if (type != "ByteLevel") unsupported("post_processor " + in_quotes(type));
    }

    void put(int32_t id, std::string bytes, const std::string& token) {
        if (bytes.empty() || bytes.size() > kTokenBytesMax) {
            broken("token " + in_quotes(token) + " has " + std::to_string(bytes.size()) + " bytes");
        }
        const auto at = static_cast<size_t>(id);
        if (at >= file_.tokens.size()) file_.tokens.resize(at + 1);
        if (!file_.tokens[at].empty()) broken("two tokens have id " + std::to_string(id));
        file_.tokens[at] = std::move(bytes);
    }

    void read_added() {
        const auto found = root_.find("added_tokens");
        if (found == root_.end()) return;
        if (!found->is_array()) broken("added_tokens is not an array");
        for (const json& entry : *found) {
            const std::string content = text_member(entry, "content", "added_tokens[]");
            const int32_t id = token_id_of(member(entry, "id", "added_tokens[]"), content);
            if (!added_.emplace(content, id).second) {
                broken("added token " + in_quotes(content) + " stands twice");
            }
            put(id, content, content);
            file_.added.push_back({id, content});
        }
    }

    void read_vocab() {
        const std::string type = text_member(model_, "type", "model");
        if (type != "BPE") unsupported("model type " + in_quotes(type));
        for (const char* key : {"dropout", "unk_token", "continuing_subword_prefix",
                                "end_of_word_suffix", "byte_fallback", "ignore_merges"}) {
            refuse_feature(model_, key, "model");
        }
        const json& vocab = member(model_, "vocab", "model");
        if (!vocab.is_object()) broken("model.vocab is not an object");
        for (const auto& [token, value] : vocab.items()) {
            const int32_t id = token_id_of(value, token);
            if (const auto added = added_.find(token); added != added_.end()) {
                if (added->second != id) broken("token " + in_quotes(token) + " has two ids");
                continue;
            }
            std::optional<std::string> bytes = bytes_of_stand_ins(token);
            if (!bytes) broken("token " + in_quotes(token) + " is not spelt in the byte alphabet");
            put(id, *bytes, token);
            ids_.emplace(std::move(*bytes), id);
        }
        for (int byte = 0; byte < 256; ++byte) {
            if (!ids_.contains(std::string(1, static_cast<char>(byte)))) {
                broken("byte " + std::to_string(byte) + " has no token");
            }
        }
    }

    // An id of the vocabulary proper: merging never makes an added token.
    int32_t merge_part(const std::optional<std::string>& bytes, size_t i) {
        const auto found = bytes ? ids_.find(*bytes) : ids_.end();
        if (found == ids_.end()) {
            broken("model.merges[" + std::to_string(i) +
                   "] names a token that is not in the vocab");
        }
        return found->second;
    }

    void read_merges() {
        const json& merges = member(model_, "merges", "model");
        if (!merges.is_array()) broken("model.merges is not an array");
        if (merges.size() > kTokenIdsMax) broken("model.merges is too long");
        std::unordered_set<uint64_t> pairs;
        for (size_t i = 0; i < merges.size(); ++i) {
            const auto [left_text, right_text] = merge_halves(merges[i], i);
            const auto left_bytes = bytes_of_stand_ins(left_text);
            const auto right_bytes = bytes_of_stand_ins(right_text);
            const int32_t left = merge_part(left_bytes, i);
            const int32_t right = merge_part(right_bytes, i);
            const int32_t merged = merge_part(*left_bytes + *right_bytes, i);
            const uint64_t pair = static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
            if (!pairs.insert(pair).second) {
                broken("model.merges[" + std::to_string(i) + "] stands twice");
            }
            file_.merges.push_back({left, right, merged});
        }
    }

    // "a b", or ["a", "b"] as newer files write it.
    static std::pair<std::string, std::string> merge_halves(const json& merge, size_t i) {
        if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            return {merge[0].get<std::string>(), merge[1].get<std::string>()};
        }
        if (merge.is_string()) {
            const auto& text = merge.get_ref<const std::string&>();
            const size_t blank = text.find(' ');
            if (blank != std::string::npos) return {text.substr(0, blank), text.substr(blank + 1)};
        }
        broken("model.merges[" + std::to_string(i) + "] is not a pair");
    }

    void read_splits() {
        const char* const where = "pre_tokenizer";
        const json& outer = member(root_, where, "the file");
        if (text_member(outer, "type", where) != "Sequence") unsupported("pre_tokenizer type");
        const json& steps = member(outer, "pretokenizers", where);
        if (!steps.is_array() || steps.empty() || steps.size() > kSplitsMax + 1) {
            broken("pre_tokenizer.pretokenizers is not an array of 1.." +
                   std::to_string(kSplitsMax + 1));
        }
        for (size_t i = 0; i + 1 < steps.size(); ++i) read_split(steps[i]);
        const json& last = steps.back();
        if (text_member(last, "type", where) != "ByteLevel") {
            unsupported("the last pre_tokenizer is not ByteLevel");
        }
        refuse_feature(last, "add_prefix_space", where);
        if (member(last, "use_regex", where) != false)
            unsupported("pre_tokenizer.use_regex is set");
    }

    void read_split(const json& step) {
        const char* const where = "pre_tokenizer.pretokenizers[]";
        if (text_member(step, "type", where) != "Split") unsupported("a pre_tokenizer is no Split");
        if (text_member(step, "behavior", where) != "Isolated") {
            unsupported("a Split is not Isolated");
        }
        refuse_feature(step, "invert", where);
        file_.splits.push_back(text_member(member(step, "pattern", where), "Regex", where));
    }

    const json& root_;
    const json& model_;
    TokenizerFile file_;
    std::unordered_map<std::string, int32_t> added_;  // by content
    std::unordered_map<std::string, int32_t> ids_;    // by bytes, without added tokens
};

}  // namespace

Result<TokenizerFile> parse_tokenizer_json(std::string_view text) {
    if (text.size() > kTokenizerBytesMax) {
        return tl::unexpected(Error{Errc::file_broken, "larger than 64 MiB"});
    }
    try {
        const auto root = parse_json_strict(text, kDepthMax);
        if (!root) broken(root.error());
        return Reader(*root).read();
    } catch (const Refusal& refusal) {
        return tl::unexpected(Error{refusal.code, refusal.what()});
    }
}

}  // namespace engine
