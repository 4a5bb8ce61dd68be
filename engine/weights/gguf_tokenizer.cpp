#include "engine/weights/gguf_tokenizer.h"

#include <nlohmann/json.hpp>

#include "engine/weights/gguf_keys.h"
#include "engine/weights/gguf_vocabulary.h"

namespace engine {
namespace {

using nlohmann::json;

std::string quoted(std::string_view text) {
    return json(text).dump();
}

// Written as text: a vocabulary as a tree of objects would take many times its size.
class Writer {
public:
    explicit Writer(const GgufFile& file) : keys_(file) {}

    std::string write();

private:
    const GgufArray& list(const char* key) const {
        const GgufArray* found = keys_.array(key);
        if (found == nullptr) GgufKeys::refuse(key, "is missing");
        return *found;
    }
    std::vector<int> kinds(uint64_t n) const;
    void check_kind() const;
    void add_tokens();
    std::string merges() const;

    GgufKeys keys_;
    std::string added_, vocab_;
};

void Writer::check_kind() const {
    const auto model = GgufKeys::need(keys_.text(kGgufTokenizerModel), kGgufTokenizerModel);
    if (model != "gpt2") {
        GgufKeys::refuse(kGgufTokenizerModel, "is " + in_quotes(model) + ", this engine knows gpt2",
                         Errc::unsupported);
    }
    const auto splits = GgufKeys::need(keys_.text(kGgufTokenizerPre), kGgufTokenizerPre);
    for (const char* known : kGgufDeepSeekSplits) {
        if (splits == known) return;
    }
    GgufKeys::refuse(kGgufTokenizerPre,
                     "is " + in_quotes(splits) + ", this engine knows " + kGgufDeepSeekSplits[0] +
                         " and " + kGgufDeepSeekSplits[1],
                     Errc::unsupported);
}

// Normal where the file does not say.
std::vector<int> Writer::kinds(uint64_t n) const {
    std::vector<int> kinds;
    const GgufArray* said = keys_.array(kGgufTokenTypes);
    if (said == nullptr) return std::vector<int>(n, kGgufNormalToken);
    if (said->type() == GgufType::string || said->size() != n) {
        GgufKeys::refuse(kGgufTokenTypes, "is no list of " + std::to_string(n) + " numbers");
    }
    said->for_each_number(
        [&](double x) { kinds.push_back(x >= 0 && x < 256 ? static_cast<int>(x) : 0); });
    return kinds;
}

void Writer::add_tokens() {
    const GgufArray& tokens = list(kGgufTokens);
    if (tokens.type() != GgufType::string) GgufKeys::refuse(kGgufTokens, "is no list of strings");
    const std::vector<int> kind = kinds(tokens.size());
    size_t id = 0;
    tokens.for_each_text([&](std::string_view text) {
        const int of_this = kind[id];
        const std::string number = std::to_string(id++);
        if (of_this == kGgufUnusedToken) return;
        if (of_this == kGgufControlToken || of_this == kGgufUserToken) {
            if (!added_.empty()) added_ += ",\n";
            added_ += "{\"id\":" + number + ",\"content\":" + quoted(text) +
                      ",\"special\":" + (of_this == kGgufControlToken ? "true}" : "false}");
        } else {
            if (!vocab_.empty()) vocab_ += ",\n";
            vocab_ += quoted(text) + ":" + number;
        }
    });
}

std::string Writer::merges() const {
    const GgufArray& merges = list(kGgufMerges);
    if (merges.type() != GgufType::string) GgufKeys::refuse(kGgufMerges, "is no list of strings");
    std::string out;
    merges.for_each_text([&](std::string_view merge) {
        if (!out.empty()) out += ",\n";
        out += quoted(merge);
    });
    return out;
}

std::string Writer::write() {
    if (const auto whole = keys_.text(kGgufWholeTokenizer)) return std::string(*whole);
    if (keys_.find(kGgufTokens) == nullptr) return {};
    check_kind();
    add_tokens();
    return "{\"version\":\"1.0\",\"added_tokens\":[" + added_ +
           "],\n\"normalizer\":null,\n\"pre_tokenizer\":" + deepseek_pre_tokenizer().dump() +
           ",\n\"model\":{\"type\":\"BPE\",\"vocab\":{" + vocab_ + "},\n\"merges\":[" + merges() +
           "]}}";
}

}  // namespace

Result<std::string> tokenizer_json_of(const GgufFile& file, const std::string& name) {
    try {
        return Writer(file).write();
    } catch (const GgufRefusal& refusal) {
        return tl::unexpected(Error{refusal.code, name + ": " + refusal.what});
    }
}

}  // namespace engine
