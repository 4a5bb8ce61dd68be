#include "engine/weights/model_files.h"

#include "engine/weights/checkpoint.h"
#include "engine/weights/gguf_source.h"
#include "engine/weights/mapped_file.h"

namespace engine {
namespace {

constexpr size_t kConfigBytesMax = 1 << 20;
constexpr size_t kTokenizerBytesMax = 64 << 20;

Result<ModelFiles> open_folder(const std::filesystem::path& dir) {
    ModelFiles files;
    files.config_file = (dir / "config.json").string();
    files.tokenizer_file = (dir / "tokenizer.json").string();
    auto config = read_text_file(files.config_file, kConfigBytesMax);
    if (!config) return tl::unexpected(config.error());
    files.config_json = std::move(*config);
    auto tokenizer = read_text_file(files.tokenizer_file, kTokenizerBytesMax);
    if (tokenizer) {
        files.tokenizer_json = std::move(*tokenizer);
    } else if (tokenizer.error().code != Errc::file_missing) {
        return tl::unexpected(tokenizer.error());
    }
    auto tensors = open_checkpoint(dir);
    if (!tensors) return tl::unexpected(tensors.error());
    files.tensors = std::move(*tensors);
    return files;
}

}  // namespace

Result<ModelFiles> open_model_files(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return open_folder(path);
    if (std::filesystem::exists(path, ignored)) return open_gguf(path);
    return tl::unexpected(
        Error{Errc::file_missing, path.string() +
                                      ": there is no such model; name a checkpoint folder, with "
                                      "config.json and *.safetensors, or a GGUF file"});
}

}  // namespace engine
