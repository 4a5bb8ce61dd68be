#include "engine/weights/gguf_source.h"

#include <cstdio>
#include <set>

#include "engine/weights/gguf.h"
#include "engine/weights/gguf_config.h"
#include "engine/weights/gguf_tokenizer.h"
#include "engine/weights/json_strict.h"
#include "engine/weights/mapped_file.h"

namespace engine {
namespace {

constexpr int64_t kSplitsMax = 4096;

class GgufSource final : public TensorSource {
public:
    const std::vector<Tensor>& tensors() const override { return tensors_; }

    // Maps and reads one file; its tensors join the others.
    Result<GgufFile> add(const std::filesystem::path& path) {
        auto mapped = MappedFile::open(path);
        if (!mapped) return tl::unexpected(mapped.error());
        files_.push_back(std::move(*mapped));
        auto file = parse_gguf(files_.back().bytes(), path.string());
        if (!file) return file;
        for (const Tensor& tensor : file->tensors) {
            if (!names_.insert(tensor.name).second) {
                return tl::unexpected(Error{
                    Errc::file_broken,
                    path.string() + ": tensor " + in_quotes(tensor.name) + " stands in two files"});
            }
            tensors_.push_back(tensor);
        }
        return file;
    }

private:
    std::vector<MappedFile> files_;
    std::vector<Tensor> tensors_;
    std::set<std::string> names_;
};

int64_t whole_key(const GgufFile& file, const char* key) {
    const auto found = file.keys.find(key);
    if (found == file.keys.end()) return 0;
    const auto* value = std::get_if<int64_t>(&found->second);
    return value == nullptr ? -1 : *value;
}

// "-00002-of-00003.gguf"
std::string split_suffix(int64_t i, int64_t n) {
    char text[64];
    std::snprintf(text, sizeof text, "-%05d-of-%05d.gguf", static_cast<int>(i + 1),
                  static_cast<int>(n));
    return text;
}

// The other files of a split one.
Result<void> add_rest(GgufSource& source, const GgufFile& first,
                      const std::filesystem::path& path) {
    const auto refuse = [&](const std::string& what) {
        return tl::unexpected(Error{Errc::file_broken, path.string() + ": " + what});
    };
    const int64_t n = whole_key(first, "split.count");
    if (n == 0 || n == 1) return {};
    if (n < 0 || n > kSplitsMax) return refuse("split.count: " + std::to_string(n));
    const std::string suffix = split_suffix(0, n);
    const std::string name = path.string();
    if (whole_key(first, "split.no") != 0 || !name.ends_with(suffix)) {
        return refuse("is one of " + std::to_string(n) + " files; name the one that ends in " +
                      suffix);
    }
    const std::string stem = name.substr(0, name.size() - suffix.size());
    for (int64_t i = 1; i < n; ++i) {
        const auto added = source.add(stem + split_suffix(i, n));
        if (!added) return tl::unexpected(added.error());
        if (whole_key(*added, "split.no") != i || whole_key(*added, "split.count") != n) {
            return refuse("file " + std::to_string(i + 1) + " of " + std::to_string(n) +
                          " says that it is another one");
        }
    }
    const int64_t n_said = whole_key(first, "split.tensors.count");
    if (n_said != 0 && n_said != static_cast<int64_t>(source.tensors().size())) {
        return refuse("split.tensors.count: " + std::to_string(n_said) + ", the files have " +
                      std::to_string(source.tensors().size()));
    }
    return {};
}

}  // namespace

Result<ModelFiles> open_gguf(const std::filesystem::path& path) {
    auto source = std::make_unique<GgufSource>();
    auto file = source->add(path);
    if (!file) return tl::unexpected(file.error());
    if (auto added = add_rest(*source, *file, path); !added) return tl::unexpected(added.error());
    file->tensors = source->tensors();  // of all files: what keys leave out is derived from them
    ModelFiles files;
    files.form = ModelForm::gguf;
    files.config_file = files.tokenizer_file = path.string();
    auto config = config_json_of(*file, path.string());
    if (!config) return tl::unexpected(config.error());
    files.config_json = std::move(*config);
    auto tokenizer = tokenizer_json_of(*file, path.string());
    if (!tokenizer) return tl::unexpected(tokenizer.error());
    files.tokenizer_json = std::move(*tokenizer);
    files.tensors = std::move(source);
    return files;
}

}  // namespace engine
